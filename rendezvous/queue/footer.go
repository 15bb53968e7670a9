package queue

import (
	"encoding/binary"
	"fmt"

	"muster.example/internal/keys"
)

// A seal holds an index of the segment that it ends, so that an opening need not read the rest: [STO-28]
//
//	count 4 | count × (org 32 | payer 32)
//	count 4 | count × device 32
//	count 4 | count × row
//
//	row:        type 1 | offset of the frame 4 | its length 4 | what the type asks for
//	set:        count 4 | count × device 4
//	body, gain: head | count 4 | count × (device 4 | number 8)
//	share:      head | count 4 | number 8 | offset of the set 4 | a bit for each of count
//	head:       kind 1 | expires 8 | account 4 | first 16 bytes of the id | length of the body 4
//
// Accounts and devices are named by their places in the lists. Behind the seal's frame stands a trailer, which is only a hint:
//
//	"mqE2" 4 | offset of the seal's frame 4
const (
	trailerMagic = "mqE2"
	trailerSize  = 8
	rowHeader    = 1 + 4 + 4
	rowHead      = 1 + 8 + 4 + idSize + 4
)

// row is what a footer says of one frame, and what the index needs of one.
type row struct {
	kind    recordType
	offset  uint32
	length  uint32
	of      Kind
	expires int64
	account uint32
	id      [idSize]byte
	size    uint32

	places  []uint32 // devices of a set, a body or a gain
	numbers []uint64 // of a body or a gain, for each device
	count   int      // members of a share's set
	number  uint64   // of a share
	set     uint32   // where a share's set lies
	waiting bitmap   // members that a share waits for
}

// account names who pays for a message.
type account struct {
	org   keys.OrgID
	payer keys.MemberID
}

// footer collects what a seal is to say of the segment that is being written.
type footer struct {
	accounts   []account
	devices    []keys.PublicKey
	rows       []byte
	count      uint32
	accountsAt map[account]uint32
	devicesAt  map[keys.PublicKey]uint32

	places  []uint32 // memory of a row
	numbers []uint64
}

func newFooter() *footer {
	return &footer{accountsAt: make(map[account]uint32), devicesAt: make(map[keys.PublicKey]uint32)}
}

func (f *footer) deviceAt(key *keys.PublicKey) uint32 {
	at, ok := f.devicesAt[*key]
	if !ok {
		at = uint32(len(f.devices))
		f.devicesAt[*key] = at
		f.devices = append(f.devices, *key)
	}
	return at
}

func (f *footer) accountAt(a account) uint32 {
	at, ok := f.accountsAt[a]
	if !ok {
		at = uint32(len(f.accounts))
		f.accountsAt[a] = at
		f.accounts = append(f.accounts, a)
	}
	return at
}

// add notes a record that lies in a frame. payer is who pays for a message.
func (f *footer) add(r *record, payer keys.MemberID, offset, length int64) {
	entry := row{
		kind: r.kind, offset: uint32(offset), length: uint32(length), of: r.of, expires: r.expires,
		id: [idSize]byte(r.id[:idSize]), size: uint32(len(r.body)), count: r.count, number: r.number, set: r.set, waiting: r.waiting,
		places: f.places[:0], numbers: f.numbers[:0],
	}
	for i := range r.devices {
		entry.places = append(entry.places, f.deviceAt(&r.devices[i]))
	}
	for i := range r.recipients {
		entry.places = append(entry.places, f.deviceAt(&r.recipients[i].device))
		entry.numbers = append(entry.numbers, r.recipients[i].number)
	}
	if r.kind != recordSet {
		entry.account = f.accountAt(account{r.org, payer})
	}
	f.places, f.numbers = entry.places, entry.numbers
	f.addRow(&entry)
}

func (f *footer) addRow(r *row) {
	f.count++
	b := append(f.rows, byte(r.kind))
	b = binary.BigEndian.AppendUint32(b, r.offset)
	b = binary.BigEndian.AppendUint32(b, r.length)
	if r.kind == recordSet {
		b = binary.BigEndian.AppendUint32(b, uint32(len(r.places)))
		for _, at := range r.places {
			b = binary.BigEndian.AppendUint32(b, at)
		}
		f.rows = b
		return
	}
	b = append(b, byte(r.of))
	b = binary.BigEndian.AppendUint64(b, uint64(r.expires))
	b = binary.BigEndian.AppendUint32(b, r.account)
	b = append(b, r.id[:]...)
	b = binary.BigEndian.AppendUint32(b, r.size)
	if r.kind == recordShare {
		b = binary.BigEndian.AppendUint32(b, uint32(r.count))
		b = binary.BigEndian.AppendUint64(b, r.number)
		b = binary.BigEndian.AppendUint32(b, r.set)
		f.rows = appendBits(b, r.waiting, r.count)
		return
	}
	b = binary.BigEndian.AppendUint32(b, uint32(len(r.places)))
	for i, at := range r.places {
		b = binary.BigEndian.AppendUint32(b, at)
		b = binary.BigEndian.AppendUint64(b, r.numbers[i])
	}
	f.rows = b
}

// append writes the footer.
func (f *footer) append(b []byte) []byte {
	b = binary.BigEndian.AppendUint32(b, uint32(len(f.accounts)))
	for i := range f.accounts {
		b = append(b, f.accounts[i].org[:]...)
		b = append(b, f.accounts[i].payer[:]...)
	}
	b = binary.BigEndian.AppendUint32(b, uint32(len(f.devices)))
	for i := range f.devices {
		b = append(b, f.devices[i][:]...)
	}
	b = binary.BigEndian.AppendUint32(b, f.count)
	return append(b, f.rows...)
}

func (f *footer) size() int {
	return 12 + len(f.accounts)*2*keys.IDSize + len(f.devices)*keys.PublicKeySize + len(f.rows)
}

// reader cuts integers and bytes off its data; after the first that is not there it gives zeroes.
type reader struct {
	data []byte
	bad  bool
}

func (r *reader) take(n int64) []byte {
	if r.bad || n < 0 || n > int64(len(r.data)) {
		r.bad = true
		return nil
	}
	part := r.data[:n]
	r.data = r.data[n:]
	return part
}

func (r *reader) byte() byte {
	if b := r.take(1); b != nil {
		return b[0]
	}
	return 0
}

func (r *reader) uint32() uint32 {
	if b := r.take(4); b != nil {
		return binary.BigEndian.Uint32(b)
	}
	return 0
}

func (r *reader) uint64() uint64 {
	if b := r.take(8); b != nil {
		return binary.BigEndian.Uint64(b)
	}
	return 0
}

// footerRows is a footer that is read: its lists, and then row after row.
type footerRows struct {
	accounts []account
	devices  []keys.PublicKey
	left     uint32
	rest     reader
}

// parseFooter reads the lists of a footer. Errors wrap ErrCorrupt.
func parseFooter(data []byte) (*footerRows, error) {
	f := &footerRows{rest: reader{data: data}}
	accounts := f.rest.take(int64(f.rest.uint32()) * 2 * keys.IDSize)
	for ; len(accounts) > 0; accounts = accounts[2*keys.IDSize:] {
		f.accounts = append(f.accounts, account{keys.OrgID(accounts[:keys.IDSize]), keys.MemberID(accounts[keys.IDSize : 2*keys.IDSize])})
	}
	devices := f.rest.take(int64(f.rest.uint32()) * keys.PublicKeySize)
	for ; len(devices) > 0; devices = devices[keys.PublicKeySize:] {
		f.devices = append(f.devices, keys.PublicKey(devices[:keys.PublicKeySize]))
	}
	if f.left = f.rest.uint32(); f.rest.bad {
		return nil, fmt.Errorf("%w: a footer that ends early", ErrCorrupt)
	}
	return f, nil
}

// next reads a row into r, whose memory it uses again; false after the last.
func (f *footerRows) next(r *row) (bool, error) {
	if f.left == 0 {
		if len(f.rest.data) > 0 {
			return false, fmt.Errorf("%w: bytes behind a footer", ErrCorrupt)
		}
		return false, nil
	}
	f.left--
	*r = row{
		kind: recordType(f.rest.byte()), offset: f.rest.uint32(), length: f.rest.uint32(),
		places: r.places[:0], numbers: r.numbers[:0], waiting: r.waiting[:0],
	}
	ok := true
	switch r.kind {
	case recordSet:
		f.nextSet(r)
	case recordBody, recordGain:
		f.nextHead(r)
		f.nextDevices(r)
	case recordShare:
		f.nextHead(r)
		ok = f.nextShare(r)
	default:
		ok = false
	}
	if f.rest.bad || !ok {
		return false, fmt.Errorf("%w: a footer with a row of type %d that cannot be", ErrCorrupt, r.kind)
	}
	return true, nil
}

func (f *footerRows) nextHead(r *row) {
	r.of, r.expires, r.account = Kind(f.rest.byte()), int64(f.rest.uint64()), f.rest.uint32()
	copy(r.id[:], f.rest.take(idSize))
	r.size = f.rest.uint32()
	f.rest.bad = f.rest.bad || int(r.account) >= len(f.accounts)
}

func (f *footerRows) nextSet(r *row) {
	count := int64(f.rest.uint32())
	for data := f.rest.take(4 * count); len(data) > 0; data = data[4:] {
		r.places = append(r.places, binary.BigEndian.Uint32(data))
	}
	f.checkPlaces(r)
	f.rest.bad = f.rest.bad || count == 0 || count > MaxSet
}

func (f *footerRows) nextDevices(r *row) {
	for data := f.rest.take(12 * int64(f.rest.uint32())); len(data) > 0; data = data[12:] {
		r.places = append(r.places, binary.BigEndian.Uint32(data))
		r.numbers = append(r.numbers, binary.BigEndian.Uint64(data[4:]))
	}
	f.checkPlaces(r)
}

func (f *footerRows) checkPlaces(r *row) {
	for _, at := range r.places {
		f.rest.bad = f.rest.bad || int64(at) >= int64(len(f.devices))
	}
}

func (f *footerRows) nextShare(r *row) (ok bool) {
	r.count = int(f.rest.uint32())
	r.number, r.set = f.rest.uint64(), f.rest.uint32()
	if r.count == 0 || r.count > MaxSet {
		return false
	}
	if data := f.rest.take(int64(r.count+7) / 8); data != nil {
		r.waiting, ok = parseBits(data, r.count)
	}
	return ok
}
