"""One probe's connection: an asyncio Protocol with slots, between a socket and a conversation.

Nothing is concluded here. What the socket does becomes an event, what the peer sends goes to
the conversation, what the conversation answers goes to the socket, and one timer ends
whatever takes too long. An error of our own ends this probe alone and is kept.
"""

import errno as errno_numbers
import socket
import struct
import traceback

from cpython.time cimport monotonic

from fleetscan import limits
from fleetscan.engine import errqueue
from fleetscan.engine.manner import measured
from fleetscan.tls.events import (
    AlertSeen,
    ClientHelloSent,
    Confirmed,
    Connected,
    ConnectFailed,
    ConnectStarted,
    Ended,
    FirstOctet,
    ProtocolViolation,
)
from fleetscan.vocabulary import EndedBy, Origin, Stage

cdef enum Phase:
    CONNECTING
    TALKING
    CLOSING  # the outcome stands, the transport is on its way out
    GONE

cdef Py_ssize_t MAX_FLIGHT = limits.MAX_FLIGHT
cdef double HELLO_GAP_S = limits.HELLO_GAP_S
cdef double BANNER_S = 0.5
"""How long a plain protocol's banner may go on: it is evidence, not a dialogue."""
cdef double CLOSE_S = 1.0
"""How long our last octets may take to leave when the peer does not read."""
cdef double SLACK_S = 0.002
"""Loop timers count whole milliseconds; a timer is not re-made for less than this."""
cdef int MAX_DRAIN = 16

cdef object _set = object.__setattr__
cdef bytes LINGER_NONE = struct.pack("ii", 1, 0)
cdef frozenset RESET_ERRORS = frozenset(
    {errno_numbers.ECONNRESET, errno_numbers.EPIPE, errno_numbers.ECONNABORTED}
)


# What Linux makes of ICMP errors (net/ipv4/icmp.c, net/ipv6/icmp.c). With IP_RECVERR they end
# a connection that stands, but only while it is being made does the error queue keep the
# message itself.
cdef frozenset ICMP_ERRORS = frozenset(
    getattr(errno_numbers, name)
    for name in (
        "EHOSTUNREACH",
        "ENETUNREACH",
        "ECONNREFUSED",
        "ENOPROTOOPT",
        "EOPNOTSUPP",
        "EHOSTDOWN",
        "ENONET",
        "EACCES",
        "EPROTO",
    )
    if hasattr(errno_numbers, name)
)


cdef class Connection:
    """The transport's side of one probe.

    Args:
        conversation: the client without I/O (`fleetscan.tls.conversation.Conversation`).
        sock: connecting, as `connect.open_socket` gives it.
        deadlines: `engine.config.Deadlines`, seconds.
        started: monotonic second at which SYN was asked for.
        total_at: monotonic second at which the whole target ends.
        loop: the running loop.
        manner: what an experiment's connection does differently (`engine.manner.Manner`);
            None for a first probe.
    """

    cdef readonly object conversation
    cdef readonly object waiter
    """A future, resolved once, when the connection is closed and the events are complete."""
    cdef readonly str failure
    """Traceback of an error of ours, empty when there was none."""
    cdef readonly Py_ssize_t octets
    cdef object _loop, _sock, _transport, _timer, _waiting, _manner, _gap
    cdef list _hello_events
    cdef double _started, _talking_since, _waiting_since, _timer_at, _total_at
    cdef double _connect_s, _proxy_s, _first_octet_s, _handshake_s, _confirm_s
    cdef Phase _phase
    cdef bytes _second
    """What is left of a hello in two segments, empty when it has left."""
    cdef bint _wrote, _cut

    def __init__(
        self, conversation, sock, deadlines, double started, double total_at, loop, manner=None
    ):
        self.conversation = conversation
        self.waiter = loop.create_future()
        self.failure = ""
        self.octets = 0
        self._loop = loop
        self._sock = sock
        self._transport = None
        self._timer = None
        self._waiting = ""
        self._manner = manner
        self._gap = None
        self._second = b""
        self._hello_events = []
        self._started = started
        self._total_at = total_at
        self._connect_s = deadlines.connect
        self._proxy_s = deadlines.proxy
        self._first_octet_s = deadlines.first_octet
        self._handshake_s = deadlines.handshake
        self._confirm_s = deadlines.confirm
        self._phase = CONNECTING
        self._wrote = self._cut = False
        conversation.events.append(ConnectStarted(self._started))

    # -- the Protocol interface ------------------------------------------------

    def connection_made(self, transport):
        """Queue the hello; it leaves when the peer answers our SYN."""
        self._transport = transport
        try:
            self._begin()
        except Exception:
            self._broken()

    def data_received(self, data):
        """Give octets of the peer's to the conversation."""
        try:
            self._receive(data)
        except Exception:
            self._broken()

    def eof_received(self):
        """Note the peer's FIN; the transport closes itself."""
        try:
            self._receive_end()
        except Exception:
            self._broken()
        return False

    def connection_lost(self, error):
        """Note how it ended, unless we ended it, and wake whoever waits."""
        try:
            self._lost(error)
        except Exception:
            self._broken()
        self._phase = GONE
        for timer in (self._timer, self._gap):
            if timer is not None:
                timer.cancel()
        self._timer = self._gap = None
        self._transport = None
        self._sock = None
        if not self.waiter.done():
            self.waiter.set_result(None)

    def pause_writing(self):
        """Needs no answer: what we write is bounded by what we read."""

    def resume_writing(self):
        """Everything written has left, so the connection stands."""
        try:
            if self._phase == CONNECTING:
                self._now_connected(monotonic())
        except Exception:
            self._broken()

    def abort(self):
        """Drop the connection at once; `waiter` is resolved soon after."""
        if self._transport is not None:
            if self._phase < CLOSING:
                self._phase = CLOSING
            self._reset()

    # -- steps -------------------------------------------------------------------

    cdef _begin(self):
        cdef double now = monotonic()
        cdef bytes octets
        cdef list events = self.conversation.events
        cdef Py_ssize_t before = len(events)
        if self._phase != CONNECTING:  # aborted before it began
            self._transport.abort()
            return
        octets = self.conversation.start(now)
        # The hello has not left yet. Its events wait until it does, and are not told at
        # all when the connection fails.
        self._hello_events = events[before:]
        del events[before:]
        if not octets:
            self._now_connected(now)
            return
        octets = self._first_segment(octets, self._hello_events)
        # With no room in the buffer, resume_writing is called when the last octet left.
        self._transport.set_write_buffer_limits(high=0)
        self._transport.write(octets)
        self._wrote = True
        if self._transport.get_write_buffer_size() == 0 and not self._transport.is_closing():
            self._now_connected(now)
        else:
            self._arm(now)

    cdef _now_connected(self, double now):
        cdef list events = self.conversation.events
        self._phase = TALKING
        self._talking_since = now
        events.append(Connected(now))
        for event in self._hello_events:
            # Not shared with anyone yet: told with the time at which the octets left.
            _set(event, "at", now)
            events.append(event)
        self._hello_events = []
        self._mind_the_gap()
        self._note_waiting(now)
        self._arm(now)

    cdef _receive(self, data):
        cdef double now = monotonic()
        cdef list events = self.conversation.events
        cdef Py_ssize_t before
        cdef bytes octets
        if self._phase == CONNECTING:
            self._now_connected(now)
        if self._phase != TALKING:
            return
        if self.octets == 0:
            events.append(FirstOctet(now, not self._wrote))
        self.octets += len(data)
        if self.octets > MAX_FLIGHT:
            events.append(ProtocolViolation(now, "flight_too_large", None))
            self._end(now, EndedBy.US, 0, self.conversation.stage)
            self._reset()
            return
        before = len(events)
        octets = self.conversation.receive(bytes(data), now)
        if self._manner is not None and octets:
            octets = self._first_segment(octets, events[before:])
            self._send(octets)
            self._mind_the_gap()
        else:
            self._send(octets)
        if self.conversation.finished:
            by = EndedBy.ALERT if _alert_ended(events, before) else EndedBy.US
            self._end(now, by, 0, self.conversation.stage)
            self._close(now)
        else:
            self._note_waiting(now)
            self._arm(now)

    cdef _receive_end(self):
        cdef double now = monotonic()
        if self._phase == CONNECTING:
            self._now_connected(now)
        if self._phase != TALKING:
            return
        self.conversation.receive_end(now)
        self._end(now, EndedBy.FIN, 0, self.conversation.stage)
        # The transport closes itself once this returns; octets that cannot leave must not
        # hold it open.
        self._close_later(now)

    cdef _lost(self, error):
        cdef double now = monotonic()
        cdef int number
        if self._phase >= CLOSING:
            return
        number = error.errno or 0 if isinstance(error, OSError) else 0
        if self._phase == CONNECTING:
            if number == errno_numbers.ETIMEDOUT:
                self._end(now, EndedBy.TIMEOUT, number, Stage.CONNECT)
                return
            queued = errqueue.read(self._sock)
            self._phase = CLOSING
            icmp = None if queued is None else queued.icmp
            self.conversation.events.append(ConnectFailed(now, number, icmp))
            return
        if number in RESET_ERRORS:
            self._drain()
            if self._phase >= CLOSING:
                return
            self._end(now, EndedBy.RST, number, self.conversation.stage)
        elif number == errno_numbers.ETIMEDOUT:
            self._end(now, EndedBy.TIMEOUT, number, self.conversation.stage)
        elif number:
            by = EndedBy.ICMP if number in ICMP_ERRORS else EndedBy.US
            self._end(now, by, number, self.conversation.stage)
        else:
            self._end(now, EndedBy.FIN, 0, self.conversation.stage)

    cdef _drain(self):
        # A failed write closes the transport while an alert may still wait to be read.
        # Bounded by the count of reads, and by the flight's own bound.
        for _ in range(MAX_DRAIN):
            try:
                data = self._sock.recv(65536, socket.MSG_DONTWAIT)
            except OSError:
                return
            if not data:
                return
            self._receive(data)
            if self._phase >= CLOSING:
                return

    # -- writing and closing ------------------------------------------------------

    cdef _send(self, bytes octets):
        if octets and not self._transport.is_closing():
            self._wrote = True
            self._transport.write(octets)

    cdef bytes _first_segment(self, bytes octets, list events):
        """What leaves now of a hello in two segments; of all else, everything."""
        cdef Py_ssize_t at
        if self._manner is None or not self._manner.in_segments or self._cut:
            return octets
        for event in events:
            if type(event) is ClientHelloSent:
                self._cut = True
                at = self._manner.cut_position(octets)
                self._second = octets[at:]
                return octets[:at]
        return octets

    cdef _mind_the_gap(self):
        """Have the second segment sent a while after the first has left."""
        if self._second and self._gap is None:
            self._gap = self._loop.call_later(HELLO_GAP_S, self._send_second)

    def _send_second(self):
        """Send the rest of a hello, unless it is over meanwhile."""
        octets, self._second = self._second, b""
        try:
            self._send(octets)
        except Exception:
            self._broken()

    cdef _release(self):
        """Let what ends the connection reach the peer."""
        try:
            self._manner.release(self._sock)
        except OSError:
            pass  # closed already

    cdef _end(self, double now, by, int number, stage):
        if self._phase >= CLOSING:
            return
        self._phase = CLOSING
        if self._manner is not None:
            self._second = b""
            tcp = measured(self._sock, now)
            if tcp is not None:
                self.conversation.events.append(tcp)
            self._release()
        self.conversation.events.append(
            Ended(now, by, number or None, self.octets, stage)
        )

    cdef _close(self, double now):
        """Say what there is to say, and close; what cannot leave is dropped soon."""
        self._send(self.conversation.close(now))
        self._transport.close()
        self._close_later(now)

    cdef _close_later(self, double now):
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._transport is not None and self._transport.get_write_buffer_size():
            self._timer_at = now + CLOSE_S
            self._timer = self._loop.call_later(CLOSE_S, self._on_timer)

    cdef _reset(self):
        """Close so that nothing of it stays, here or in the kernel."""
        try:
            self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_NONE)
        except OSError:
            pass  # closed already
        self._transport.abort()

    def _broken(self):
        """Keep the traceback of an error of ours and give this probe up."""
        if not self.failure:
            self.failure = traceback.format_exc()
        if self._phase < CLOSING:
            self._phase = CLOSING
        if self._transport is not None:
            self._transport.abort()

    # -- the one timer ----------------------------------------------------------------

    cdef _note_waiting(self, double now):
        waiting = self.conversation.waiting
        if waiting != self._waiting:
            if self._waiting == "proxy":
                self._talking_since = now  # the peer can have heard nothing of us before
            self._waiting = waiting
            self._waiting_since = now

    cdef double _stage_deadline(self) except -1:
        if self._phase == CLOSING:
            return self._timer_at
        if self._phase == CONNECTING:
            return self._started + self._connect_s
        if self._waiting == "proxy":
            return self._talking_since + self._proxy_s
        if self._waiting == "first_octet":
            return self._talking_since + min(self._first_octet_s, self._handshake_s)
        if self._waiting == "confirm":
            return self._waiting_since + self._confirm_s
        if self._waiting == "banner":
            return self._waiting_since + min(BANNER_S, self._first_octet_s)
        if self._waiting == "confirm_client_auth":
            # However late the flight came: after a CertificateRequest silence has to last
            # for a whole stage before it counts as consent.
            return self._waiting_since + self._handshake_s
        return self._talking_since + self._handshake_s

    cdef _arm(self, double now):
        cdef double at = min(self._stage_deadline(), self._total_at)
        if self._timer is not None:
            # A later deadline is looked at when the timer fires; only an earlier one
            # needs a new timer.
            if at >= self._timer_at - SLACK_S:
                return
            self._timer.cancel()
        self._timer_at = at
        self._timer = self._loop.call_later(max(at - now, 0.0), self._on_timer)

    def _on_timer(self):
        """End what took too long, or wait on when the deadline has moved meanwhile."""
        self._timer = None
        try:
            self._look_at_deadline(monotonic())
        except Exception:
            self._broken()

    cdef _look_at_deadline(self, double now):
        cdef double at
        if self._phase == GONE:
            return
        if self._phase == CLOSING:
            self._reset()
            return
        at = self._stage_deadline()
        if now + SLACK_S < min(at, self._total_at):
            self._arm(now)
        elif now + SLACK_S < at and not self._waited_for_consent(now):
            self._time_out(now)  # the whole target's time is over, not this stage's
        elif self._phase == CONNECTING:
            self._connect_deadline(now)
        else:
            self._silence(now)

    cdef bint _waited_for_consent(self, double now) except -1:
        # With a short timeout the whole target's end comes just before this stage's. Silence
        # that lasted for most of the stage still is consent to no client certificate.
        return (
            self._phase == TALKING
            and self._waiting == "confirm_client_auth"
            and now - self._waiting_since >= self._handshake_s / 2
        )

    cdef _connect_deadline(self, double now):
        # Still unwritten does not mean unconnected: a peer with a closed window accepts
        # the connection and takes nothing.
        try:
            self._sock.getpeername()
        except OSError:
            self._time_out(now)
        else:
            self._now_connected(now)

    cdef _silence(self, double now):
        waiting = self._waiting
        self._send(self.conversation.silence(now))
        if waiting == "confirm" or waiting == "confirm_client_auth" or waiting == "banner":
            if self.conversation.finished:
                self._end(now, EndedBy.US, 0, self.conversation.stage)
                self._close(now)
                return
            self._note_waiting(now)
            if self._waiting != waiting:
                self._arm(now)
                return
        self._time_out(now)

    cdef _time_out(self, double now):
        cdef int number = 0
        stage = Stage.CONNECT if self._phase == CONNECTING else self.conversation.stage
        if self._manner is not None:
            number = self._manner.icmp_errno(self._sock)
        self._end(now, EndedBy.ICMP if number in ICMP_ERRORS else EndedBy.TIMEOUT, number, stage)
        self._reset()


cdef bint _alert_ended(list events, Py_ssize_t before) except -1:
    """Whether the events from `before` on say that an alert of the peer's was the end."""
    cdef bint alert = False
    for event in events[before:]:
        kind = type(event)
        if kind is Confirmed:
            return False
        if kind is AlertSeen and event.origin is Origin.PEER:
            alert = True
    return alert
