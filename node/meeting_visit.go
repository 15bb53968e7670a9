package node

import (
	"errors"
	"time"

	"github.com/libp2p/go-libp2p/core/network"

	"muster.example/internal/keys"
	"muster.example/internal/wire"
	"muster.example/node/pairing"
	"muster.example/rendezvous/rvproto"
)

// errVisit means that the other side of a visit says more than there is a place for.
var errVisit = errors.New("a visit beyond its bounds")

// meetingVisit is a stream between two devices at a meeting, on either side. One goroutine reads, another may send.
type meetingVisit struct {
	stream network.Stream
	frames chan []byte
	left   int // bytes that may still be sent
	most   int // bytes that the other side may send
}

// newVisit bounds a stream: how many bytes go out on it, and how many come.
func newVisit(stream network.Stream, out, in int) (*meetingVisit, error) {
	v := &meetingVisit{stream: stream, frames: make(chan []byte, waitingFrames), left: out, most: in}
	return v, stream.SetReadDeadline(time.Now().Add(meetingLife))
}

// talk returns the visit as the conversation sees it. The connection proves who the other side is.
func (v *meetingVisit) talk(peer keys.PublicKey) *talk {
	return &talk{send: v.send, leave: func() { _ = v.stream.Reset() }, frames: v.frames, peer: peer}
}

func (v *meetingVisit) send(frame []byte) error {
	data := wire.AppendFrame(nil, frame)
	if v.left -= len(data); v.left < 0 {
		return errVisit
	}
	if err := v.stream.SetWriteDeadline(time.Now().Add(rvproto.WriteTime)); err != nil {
		return err
	}
	_, err := v.stream.Write(data)
	return err
}

// read passes on what the other side says, until it has gone, or says more than it may. [PAIR-14]
func (v *meetingVisit) read() error {
	defer close(v.frames)
	frames, left := wire.NewFrameReader(v.stream, 4<<10, pairing.MaxFrame), v.most
	for {
		data, err := frames.Read()
		if err != nil {
			return err
		}
		if left -= len(data); left < 0 || len(v.frames) == waitingFrames {
			_ = v.stream.Reset()
			return errVisit
		}
		v.frames <- data
	}
}
