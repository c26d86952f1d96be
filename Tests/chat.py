#!/usr/bin/env python3
"""Talks with `minke chat` through a terminal: line editing, ctrl-C, several lines, /save and /load.

Usage: Tests/chat.py [PROGRAM]; needs pexpect.
"""
import json
import os
import signal
import sys
import tempfile

import pexpect

os.chdir(os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
program = sys.argv[1] if len(sys.argv) > 1 else ".build/debug/minke"
model = "Tests/Fixtures/spikewhale-tiny"
prompt = r"> \x1b\[0m"


def chat(*options, term="xterm", color=True):
    environment = dict(os.environ, TERM=term)
    environment.pop("NO_COLOR", None)
    arguments = ["chat", "--model", model, "--greedy", "--max-tokens", "4", *options]
    child = pexpect.spawn(program, arguments, env=environment, encoding="utf-8", timeout=60, dimensions=(24, 60))
    child.expect("> " if term == "dumb" else prompt)
    return child


def ends(child, status):
    child.expect(pexpect.EOF)
    child.close()
    found = (child.exitstatus, child.signalstatus)
    assert found == (status, None), found


def saved(child, path):
    """The messages of the conversation so far."""
    child.send(f"/save {path}\r")
    child.expect("messages")
    child.expect(prompt)
    with open(path) as file:
        return [(message["role"], message["content"]) for message in json.load(file)]


def asked(child, keys):
    child.send(keys)
    # The line once more as it was finished, then the answer, then the next prompt.
    child.expect("\r\n")
    child.expect("\r\n")
    child.expect(prompt)


with tempfile.TemporaryDirectory() as folder:
    path = os.path.join(folder, "talk.json")

    # Editing, wide characters, a wrong byte, history.
    child = chat()
    asked(child, "worl\x01Hello, \x05d\x7fd\r")
    asked(child, "日本\x1b[D語\r")
    child.send("a")
    child.child_fd and os.write(child.child_fd, b"\xff\xe6")
    asked(child, "b\r")
    asked(child, "\x1b[A\x1b[A\x1b[A!\r")
    messages = saved(child, path)
    assert [text for role, text in messages if role == "user"] == ["Hello, world", "日語本", "ab", "Hello, world!"], messages
    assert [role for role, _ in messages[:2]] == ["user", "assistant"]

    # Several lines.
    child.send("/reset\r")
    child.expect("new conversation")
    child.expect(prompt)
    child.send("one\\\r")
    child.expect(r"\. ")
    asked(child, "two\r")
    child.send('"""\r')
    child.expect(r"\. ")
    child.send("three\r")
    child.expect(r"\. ")
    asked(child, 'four"""\r')
    # A pasted text is sent by the return key, not by its own line ends.
    asked(child, "\x1b[200~five\nsix\x1b[201~\r")
    messages = saved(child, path)
    assert [text for role, text in messages if role == "user"] == ["one\ntwo", "three\nfour", "five\nsix"], messages

    # Ctrl-C leaves the line, then ends the chat; any other key in between does not.
    child.send("half a line\x03")
    child.expect(r"\^C")
    child.expect(prompt)
    child.send("\x03")
    child.expect("again")
    child.send("\x7f\r")
    child.expect(prompt)
    child.send("\x03")
    child.expect("again")
    child.send("\x03")
    ends(child, 0)

    # The conversation goes on.
    child = chat("--load", path)
    asked(child, "seven\r")
    assert saved(child, path)[:6] == messages
    child.send("/load /no/such/file\r")
    child.expect("/no/such/file")
    child.expect(prompt)
    child.send("/nothing\r")
    child.expect("No such command")
    child.send("\x04")
    ends(child, 0)

    # Ctrl-C during an answer stops it and nothing else.
    child = chat("--max-tokens", "100", "--repetition-penalty", "1")
    for _ in range(20):
        child.send("Hi\r")
        child.expect("\r\n")
        child.sendintr()
    child.expect(prompt)
    assert child.isalive()
    child.send("\x15/quit\r")
    ends(child, 0)

    # However it ends, the terminal is as before.
    child = chat()
    child.kill(signal.SIGTERM)
    child.expect(r"\x1b\[\?2004l")
    child.expect(pexpect.EOF)
    child.close()
    assert child.signalstatus == signal.SIGTERM, (child.exitstatus, child.signalstatus)

    # A terminal that cannot edit.
    child = chat(term="dumb")
    child.send("Hi\r")
    child.expect("> ")
    assert "\x1b" not in child.before, child.before
    child.send("\x04")
    ends(child, 0)

print("chat: as it should be")
