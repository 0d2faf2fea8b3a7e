"""The commands: `gslb serve | check | status | explain | override | reload | schema | demo`.

Exit codes: 0 done; 1 it did not work, or what was asked about is not well; 2 the command line or a file is wrong.
"""
