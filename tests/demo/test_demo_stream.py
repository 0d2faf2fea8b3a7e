"""The demo's queries, against a server that answers, errs or stays silent."""

import asyncio

import dnslib
import pytest

from gslb.demo.clock import now
from gslb.demo.stream import QueryStream, Reply, ask

NAME = "www.demo.example"


class Server(asyncio.DatagramProtocol):
    """Replies to each query with what `reply(query)` makes of it; None is silence."""

    def __init__(self, reply):
        self.reply = reply
        self.asked = []

    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, address):
        query = dnslib.DNSRecord.parse(data)
        self.asked.append(query)
        reply = self.reply(query)
        if reply is not None:
            self.transport.sendto(reply, address)


def answer(query):
    reply = query.reply()
    reply.add_answer(*dnslib.RR.fromZone(f"{query.q.qname} 5 A 192.0.2.1\n{query.q.qname} 5 A 192.0.2.2"))
    return reply.pack()


def servfail(query):
    reply = query.reply()
    reply.header.rcode = dnslib.RCODE.SERVFAIL
    return reply.pack()


def with_server(reply, client):
    """What `client(address, server)` gives, while the server runs."""

    async def run():
        loop = asyncio.get_running_loop()
        transport, server = await loop.create_datagram_endpoint(lambda: Server(reply), local_addr=("127.0.0.1", 0))
        try:
            return await client(transport.get_extra_info("sockname"), server)
        finally:
            transport.close()

    return asyncio.run(run())


def streamed(reply, rate=500.0, queries=50):
    """A stream that has asked so often and waited for its last replies, and the server."""

    async def client(address, server):
        stream = QueryStream(address, NAME, rate)
        server.begun = now()
        await stream.start()
        while stream.sent < queries:  # noqa: ASYNC110  it has no event
            await asyncio.sleep(0.01)
        await stream.finish()
        server.seconds = now() - server.begun
        await stream.stop()
        return stream, server

    return with_server(reply, client)


def test_answers_are_counted_by_their_first_address():
    stream, server = streamed(answer)
    assert stream.sent == stream.answered == len(server.asked) >= 50
    assert (stream.lost, stream.failed) == (0, 0)
    assert stream.answers.last(1000) == {"192.0.2.1": stream.sent}
    assert {str(query.q.qname) for query in server.asked} == {f"{NAME}."}


def test_the_rate_is_never_exceeded():
    stream, server = streamed(answer, rate=100.0, queries=30)
    assert 30 <= stream.sent <= server.seconds * 100 + 1


@pytest.mark.parametrize("reply", [servfail, lambda query: query.reply().pack()], ids=["servfail", "nodata"])
def test_a_reply_without_an_answer_has_failed(reply):
    stream, _ = streamed(reply)
    assert stream.failed == stream.answered == stream.sent >= 50
    assert stream.answers.last(1000) == {"": stream.sent}


def test_a_query_without_a_reply_is_lost():
    stream, _ = streamed(lambda _: None)
    assert stream.lost == stream.sent >= 50
    assert stream.answered == 0


def test_queries_without_a_right_answer_are_counted_by_when_they_were_sent():
    stream, server = streamed(servfail)
    assert stream.unanswered(0.0) == stream.sent
    assert stream.unanswered(0.0, server.begun) == 0
    assert stream.unanswered(now()) == 0
    lost, server = streamed(lambda _: None)
    assert lost.unanswered(server.begun) == lost.sent


def test_a_reply_that_is_not_dns_has_failed_and_its_query_is_lost():
    stream, _ = streamed(lambda _: b"\0\1garbage")
    assert stream.failed == stream.lost == stream.sent


def test_ask_gives_rcode_and_values_and_none_when_nobody_answers():
    assert with_server(answer, lambda address, _: ask(address, NAME)) == Reply(0, ("192.0.2.1", "192.0.2.2"))
    assert with_server(servfail, lambda address, _: ask(address, NAME)) == Reply(2, ())
    assert with_server(lambda _: None, lambda address, _: ask(address, NAME)) is None
