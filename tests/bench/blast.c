// blast: a DNS load generator for one UDP server on loopback.
//
// Each socket keeps a bounded number of queries in flight ("outstanding") and sends the next as soon as a reply or
// a timeout makes room, so that the server is always busy and never flooded. Message ids count up per socket;
// id -> time sent is one array, and because ids are given out in order of time, the oldest query in flight is found
// by moving `oldest` forward. The queries are built once; a datagram is sent as two pieces, its id and the shared
// rest, so sending copies nothing. Latency counts from the call that sends a batch to the call that reads its reply.
//
// Nothing but 127.0.0.0/8 is accepted as a target, and no run is longer than MAX_SECONDS.
//
//   blast --port 5300 --queries FILE [--host 127.0.0.1] [--seconds 3] [--sockets 4] [--outstanding 48] [--edns]
//
// FILE holds lines "qname qtype". The report is one JSON object on stdout. Exit status: 0 reported, 1 the machine
// refused something, 2 a wrong argument or query file.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    BATCH = 32,
    IDS = 65536,
    MAX_SECONDS = 60,
    MAX_SOCKETS = 64,
    MAX_OUTSTANDING = 1024,
    REPLY_SIZE = 4096,
    EDNS_SIZE = 1232,
    HEADER = 12,
    TIMEOUT_US = 200000,
    SWEEP_US = 20000,
};

static void die(int status, const char *message, const char *detail) {
    fprintf(stderr, "blast: %s%s%s\n", message, detail ? ": " : "", detail ? detail : "");
    exit(status);
}

static void *allocate(size_t size) {
    void *memory = calloc(1, size);
    if (!memory) die(1, "out of memory", NULL);
    return memory;
}

static uint64_t now_us(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000u + (uint64_t)t.tv_nsec / 1000u;
}

// ---- queries: every message without its id, one after the other ----

struct queries {
    uint8_t *bytes;
    size_t used, room;
    size_t *start; // count + 1 offsets into bytes
    size_t count, count_room;
};

static const struct { const char *name; uint16_t code; } TYPES[] = {
    {"A", 1}, {"NS", 2}, {"CNAME", 5}, {"SOA", 6}, {"PTR", 12}, {"MX", 15}, {"TXT", 16}, {"AAAA", 28}, {"SRV", 33},
};

static uint16_t type_code(const char *name) {
    for (size_t i = 0; i < sizeof TYPES / sizeof *TYPES; i++)
        if (!strcasecmp(name, TYPES[i].name)) return TYPES[i].code;
    die(2, "unknown query type", name);
    return 0;
}

// Writes the name's wire form (RFC 1035 section 3.1) to `out` (255 octets) and returns its length.
static size_t pack_name(const char *text, uint8_t *out) {
    size_t used = 0;
    for (const char *label = text; *label && strcmp(label, ".");) {
        size_t length = strcspn(label, ".");
        if (length == 0 || length > 63 || used + length + 2 > 255) die(2, "not a domain name", text);
        out[used++] = (uint8_t)length;
        memcpy(out + used, label, length);
        used += length;
        label += length + (label[length] == '.');
    }
    out[used++] = 0;
    return used;
}

static size_t pack_query(const char *qname, uint16_t qtype, int edns, uint8_t *out) {
    // Flags 0 (no recursion desired), one question, and one additional record where EDNS is on.
    const uint8_t header[HEADER - 2] = {0, 0, 0, 1, 0, 0, 0, 0, 0, (uint8_t)(edns ? 1 : 0)};
    const uint8_t opt[11] = {0, 0, 41, EDNS_SIZE >> 8, EDNS_SIZE & 255}; // RFC 6891 section 6.1.2
    size_t used = sizeof header;
    memcpy(out, header, sizeof header);
    used += pack_name(qname, out + used);
    const uint8_t tail[4] = {(uint8_t)(qtype >> 8), (uint8_t)qtype, 0, 1};
    memcpy(out + used, tail, sizeof tail);
    used += sizeof tail;
    if (edns) memcpy(out + used, opt, sizeof opt), used += sizeof opt;
    return used;
}

static void add_query(struct queries *q, const uint8_t *message, size_t length) {
    if (q->used + length > q->room) {
        q->room = 2 * (q->room + length);
        if (!(q->bytes = realloc(q->bytes, q->room))) die(1, "out of memory", NULL);
    }
    if (q->count + 2 > q->count_room) {
        q->count_room = 2 * (q->count_room + 2);
        if (!(q->start = realloc(q->start, q->count_room * sizeof *q->start))) die(1, "out of memory", NULL);
    }
    memcpy(q->bytes + q->used, message, length);
    q->start[q->count++] = q->used;
    q->used += length;
    q->start[q->count] = q->used;
}

static struct queries read_queries(const char *path, int edns) {
    struct queries q = {0};
    char line[512], qname[256], qtype[16];
    uint8_t message[300];
    FILE *file = fopen(path, "r");
    if (!file) die(2, path, strerror(errno));
    while (fgets(line, sizeof line, file)) {
        if (sscanf(line, "%255s %15s", qname, qtype) != 2) die(2, "not a line \"qname qtype\"", line);
        add_query(&q, message, pack_query(qname, type_code(qtype), edns, message));
    }
    fclose(file);
    if (q.count == 0) die(2, "no queries in", path);
    return q;
}

// ---- sockets and what is in flight on them ----

struct flow {
    int fd;
    uint32_t outstanding, limit;
    uint16_t next, oldest; // the id to give out next; no id before `oldest` is in flight
    uint64_t sent_us[IDS]; // 0: not in flight
};

struct counts {
    uint64_t sent, received, in_time, lost, unmatched, bytes, nodata, truncated, rcode[16];
    uint64_t latency[TIMEOUT_US + 1]; // replies by microseconds, the last bucket holds all that took longer
};

static struct flow *open_flow(struct in_addr host, uint16_t port, uint32_t limit) {
    struct flow *flow = allocate(sizeof *flow);
    struct sockaddr_in server = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr = host};
    const int buffer = 1 << 20;
    flow->limit = limit;
    flow->fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (flow->fd < 0) die(1, "socket", strerror(errno));
    setsockopt(flow->fd, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof buffer);
    setsockopt(flow->fd, SOL_SOCKET, SO_SNDBUF, &buffer, sizeof buffer);
    if (connect(flow->fd, (struct sockaddr *)&server, sizeof server)) die(1, "connect", strerror(errno));
    return flow;
}

// Moves past ids that were answered, and gives up those sent before `deadline_us`.
static void expire(struct flow *flow, uint64_t deadline_us, struct counts *counts) {
    while (flow->outstanding) {
        uint64_t *sent = &flow->sent_us[flow->oldest];
        if (*sent > deadline_us) return;
        if (*sent) *sent = 0, flow->outstanding--, counts->lost++;
        flow->oldest++;
    }
    flow->oldest = flow->next;
}

// Sends at most one batch; returns how many the kernel took.
static int send_batch(struct flow *flow, const struct queries *q, size_t *at, struct counts *counts) {
    static uint8_t id[BATCH][2];
    static struct iovec piece[BATCH][2];
    static struct mmsghdr message[BATCH];
    uint32_t room = flow->limit - flow->outstanding, ids = (uint16_t)(flow->oldest - flow->next - 1);
    if (ids < room) room = ids; // an id is not given out again while its query may be in flight
    int count = room < BATCH ? (int)room : BATCH;
    size_t query = *at;
    for (int i = 0; i < count; i++) {
        uint16_t number = (uint16_t)(flow->next + i);
        id[i][0] = (uint8_t)(number >> 8), id[i][1] = (uint8_t)number;
        piece[i][0] = (struct iovec){id[i], 2};
        piece[i][1] = (struct iovec){q->bytes + q->start[query], q->start[query + 1] - q->start[query]};
        message[i].msg_hdr = (struct msghdr){.msg_iov = piece[i], .msg_iovlen = 2};
        if (++query == q->count) query = 0;
    }
    if (count == 0) return 0;
    uint64_t now = now_us();
    int taken = sendmmsg(flow->fd, message, (unsigned)count, 0);
    if (taken < 0) taken = 0; // no room, or the last datagram was refused: the server is gone or starting
    for (int i = 0; i < taken; i++) flow->sent_us[flow->next++] = now;
    flow->outstanding += (uint32_t)taken;
    counts->sent += (uint64_t)taken;
    *at = (*at + (size_t)taken) % q->count;
    return taken;
}

static void count_reply(struct flow *flow, const uint8_t *reply, unsigned length, uint64_t now, struct counts *counts) {
    uint16_t id = (uint16_t)(reply[0] << 8 | reply[1]);
    if (length < HEADER || !(reply[2] & 0x80) || !flow->sent_us[id]) {
        counts->unmatched++;
        return;
    }
    uint64_t took = now - flow->sent_us[id];
    flow->sent_us[id] = 0;
    flow->outstanding--;
    counts->received++;
    counts->bytes += length;
    counts->latency[took < TIMEOUT_US ? took : TIMEOUT_US]++;
    unsigned rcode = reply[3] & 15, truncated = (reply[2] >> 1) & 1;
    counts->rcode[rcode]++;
    counts->truncated += truncated;
    counts->nodata += rcode == 0 && !truncated && !(reply[6] | reply[7]);
}

// Reads what has come, at most one batch; returns how many datagrams.
static int receive_batch(struct flow *flow, struct counts *counts) {
    static uint8_t buffer[BATCH][REPLY_SIZE];
    static struct iovec piece[BATCH];
    static struct mmsghdr message[BATCH];
    for (int i = 0; i < BATCH; i++) {
        piece[i] = (struct iovec){buffer[i], REPLY_SIZE};
        message[i].msg_hdr = (struct msghdr){.msg_iov = &piece[i], .msg_iovlen = 1};
    }
    int count = recvmmsg(flow->fd, message, BATCH, MSG_DONTWAIT, NULL);
    if (count <= 0) return 0;
    uint64_t now = now_us();
    for (int i = 0; i < count; i++) count_reply(flow, buffer[i], message[i].msg_len, now, counts);
    return count;
}

static uint64_t in_flight(struct flow *const *flows, int sockets) {
    uint64_t total = 0;
    for (int i = 0; i < sockets; i++) total += flows[i]->outstanding;
    return total;
}

// Keeps every flow full for `duration_us`, then waits for what is still in flight. Returns the microseconds it sent.
static uint64_t run(struct flow **flows, int sockets, const struct queries *q, uint64_t duration_us, struct counts *counts) {
    struct pollfd readable[MAX_SOCKETS];
    for (int i = 0; i < sockets; i++) readable[i] = (struct pollfd){.fd = flows[i]->fd, .events = POLLIN};
    uint64_t start = now_us(), end = start + duration_us, sweep = start + SWEEP_US, sending = 1, elapsed = 0;
    size_t at = 0;
    while (sending || in_flight(flows, sockets)) {
        int progress = 0;
        for (int i = 0; i < sockets; i++) {
            if (sending) progress += send_batch(flows[i], q, &at, counts);
            progress += receive_batch(flows[i], counts);
        }
        uint64_t now = now_us();
        if (sending && now >= end) sending = 0, elapsed = now - start, counts->in_time = counts->received;
        if (now >= sweep) {
            for (int i = 0; i < sockets; i++) expire(flows[i], now - TIMEOUT_US, counts);
            sweep = now + SWEEP_US;
        }
        if (!progress) poll(readable, (nfds_t)sockets, SWEEP_US / 1000);
    }
    return elapsed;
}

// ---- the report ----

static uint64_t percentile_us(const struct counts *counts, double share) {
    uint64_t seen = 0, wanted = (uint64_t)(share * (double)counts->received);
    for (int us = 0; us <= TIMEOUT_US; us++)
        if ((seen += counts->latency[us]) > wanted) return (uint64_t)us;
    return 0;
}

static void report(const struct counts *c, uint64_t elapsed_us) {
    double seconds = (double)elapsed_us / 1e6;
    printf("{\"seconds\": %.6f, \"qps\": %.1f, \"sent\": %" PRIu64 ", \"received\": %" PRIu64 ", \"lost\": %" PRIu64
           ", \"unmatched\": %" PRIu64 ", \"p50_us\": %" PRIu64 ", \"p99_us\": %" PRIu64 ", \"average_bytes\": %.1f"
           ", \"nodata\": %" PRIu64 ", \"truncated\": %" PRIu64 ", \"rcodes\": {",
           seconds, (double)c->in_time / seconds, c->sent, c->received, c->lost, c->unmatched, percentile_us(c, 0.5),
           percentile_us(c, 0.99), c->received ? (double)c->bytes / (double)c->received : 0.0, c->nodata, c->truncated);
    const char *separator = "";
    for (int rcode = 0; rcode < 16; rcode++)
        if (c->rcode[rcode]) printf("%s\"%d\": %" PRIu64, separator, rcode, c->rcode[rcode]), separator = ", ";
    printf("}}\n");
}

// ---- arguments ----

struct options {
    struct in_addr host;
    const char *queries;
    double port, seconds, sockets, outstanding;
    int edns;
};

static double number(const char *option, const char *text, double low, double high) {
    char *end, message[96];
    double value = strtod(text, &end);
    if (end != text && !*end && value >= low && value <= high) return value;
    snprintf(message, sizeof message, "--%s takes a number from %g to %g, not", option, low, high);
    die(2, message, text);
    return 0;
}

static struct in_addr loopback(const char *text) {
    struct in_addr host;
    if (inet_pton(AF_INET, text, &host) != 1 || ntohl(host.s_addr) >> 24 != 127)
        die(2, "--host takes an address in 127.0.0.0/8, not", text);
    return host;
}

static struct options read_options(int argc, char **argv) {
    static const struct option known[] = {
        {"port", 1, 0, 'p'}, {"queries", 1, 0, 'q'}, {"host", 1, 0, 'h'}, {"seconds", 1, 0, 's'},
        {"sockets", 1, 0, 'n'}, {"outstanding", 1, 0, 'o'}, {"edns", 0, 0, 'e'}, {0, 0, 0, 0},
    };
    struct options options = {.host = loopback("127.0.0.1"), .seconds = 3, .sockets = 4, .outstanding = 48};
    for (int option; (option = getopt_long(argc, argv, "", known, NULL)) != -1;) {
        switch (option) {
        case 'p': options.port = number("port", optarg, 1, 65535); break;
        case 'q': options.queries = optarg; break;
        case 'h': options.host = loopback(optarg); break;
        case 's': options.seconds = number("seconds", optarg, 0.01, MAX_SECONDS); break;
        case 'n': options.sockets = number("sockets", optarg, 1, MAX_SOCKETS); break;
        case 'o': options.outstanding = number("outstanding", optarg, 1, MAX_OUTSTANDING); break;
        case 'e': options.edns = 1; break;
        default: exit(2);
        }
    }
    if (!options.port || !options.queries || optind < argc)
        die(2, "usage: blast --port PORT --queries FILE [--host ADDRESS] [--seconds S] [--sockets N] [--outstanding N] [--edns]", NULL);
    return options;
}

int main(int argc, char **argv) {
    struct options options = read_options(argc, argv);
    struct queries q = read_queries(options.queries, options.edns);
    struct counts *counts = allocate(sizeof *counts);
    struct flow *flows[MAX_SOCKETS];
    int sockets = (int)options.sockets;
    for (int i = 0; i < sockets; i++)
        flows[i] = open_flow(options.host, (uint16_t)options.port, (uint32_t)options.outstanding);
    report(counts, run(flows, sockets, &q, (uint64_t)(options.seconds * 1e6), counts));
    return 0;
}
