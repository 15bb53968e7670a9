package mdns

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"golang.org/x/net/dns/dnsmessage"

	"muster.example/internal/nearby"
)

const (
	port = 5353
	// timeToLive is how long what is announced may be kept, in seconds: 75 minutes (RFC 6762 section 10).
	timeToLive = 75 * 60
	// maxPacket is the longest packet that is read (RFC 6762 section 17), and packetSize the longest that is sent.
	maxPacket  = 9000
	packetSize = 1400
	// maxRecords is how many records and questions of one packet are looked at.
	maxRecords = 256
	// payloadKey stands before the payload in a TXT record (RFC 6763 section 6).
	payloadKey = "p="
	domain     = ".local."
	// classMask takes away the bit that asks for unicast, or to forget what was heard before (RFC 6762 sections 5.4 and 10.2).
	classMask = 1<<15 - 1
)

// instance names one announcement on the network.
type instance struct {
	kind nearby.Kind
	name string // the first label, lower case
	host string // the first label of the host name
}

func (i instance) full() string     { return i.name + "." + string(i.kind) + domain }
func (i instance) fullHost() string { return i.host + domain }

// record is an announcement as it is sent or was heard: PTR, SRV, TXT and addresses together. [NEAR-21]
type record struct {
	instance
	port      uint16
	payload   []byte
	addresses []netip.Addr
	ttl       uint32 // seconds; 0: it is taken back
}

// known is what an asker knows already.
type known struct {
	kind nearby.Kind
	name string // the instance's
	ttl  uint32 // seconds that are left
}

// message is what is understood of a packet.
type message struct {
	answer bool          // else a query
	asked  []nearby.Kind // of a query
	named  []string      // full names that a query asks for, of instances or hosts
	known  []known       // of a query
	heard  []record      // of an answer
}

// errPacket means that a packet is no message of multicast DNS within the bounds.
var errPacket = errors.New("mdns: a bad packet")

// kindOf returns the kind whose service type a full name is.
func kindOf(name string) (nearby.Kind, bool) {
	kind := nearby.Kind(strings.TrimSuffix(name, domain))
	return kind, strings.HasSuffix(name, domain) && (kind == nearby.Devices || kind == nearby.Meetings)
}

// split returns the first label of a full name and the kind that the rest is.
func split(name string) (label string, kind nearby.Kind, ok bool) {
	label, rest, found := strings.Cut(name, ".")
	kind, ok = kindOf(rest)
	return label, kind, found && ok && goodLabel(label)
}

// goodLabel reports whether a label is of the form that names have here: short, letters and digits.
func goodLabel(label string) bool {
	if len(label) == 0 || len(label) > 32 {
		return false
	}
	for i := range len(label) {
		if c := label[i]; (c < 'a' || c > 'z') && (c < '0' || c > '9') {
			return false
		}
	}
	return true
}

// parse reads a packet. Records that are nobody's here are skipped.
func parse(data []byte) (m message, err error) {
	if len(data) > maxPacket {
		return m, errPacket
	}
	var p dnsmessage.Parser
	header, err := p.Start(data)
	if err != nil || header.OpCode != 0 || header.RCode != 0 {
		return m, errPacket
	}
	if header.Response {
		m.answer = true
		if err := p.SkipAllQuestions(); err != nil {
			return m, errPacket
		}
		m.heard, err = parseAnswers(&p)
		return m, err
	}
	return m, m.parseQuery(&p)
}

func (m *message) parseQuery(p *dnsmessage.Parser) error {
	for n := 0; ; n++ {
		q, err := p.Question()
		if errors.Is(err, dnsmessage.ErrSectionDone) {
			break
		}
		if err != nil || n == maxRecords {
			return errPacket
		}
		name := strings.ToLower(q.Name.String())
		kind, ok := kindOf(name)
		switch {
		case q.Class&classMask != dnsmessage.ClassINET && q.Class&classMask != dnsmessage.Class(dnsmessage.TypeALL):
		case ok && (q.Type == dnsmessage.TypePTR || q.Type == dnsmessage.TypeALL):
			m.asked = append(m.asked, kind)
		case !ok && q.Type != dnsmessage.TypePTR:
			m.named = append(m.named, name)
		}
	}
	for n := 0; ; n++ {
		header, err := p.AnswerHeader()
		if errors.Is(err, dnsmessage.ErrSectionDone) {
			return nil
		}
		if err != nil || n == maxRecords {
			return errPacket
		}
		if header.Type != dnsmessage.TypePTR {
			err = p.SkipAnswer()
		} else {
			var ptr dnsmessage.PTRResource
			ptr, err = p.PTRResource()
			if label, kind, ok := split(strings.ToLower(ptr.PTR.String())); err == nil && ok {
				m.known = append(m.known, known{kind, label, header.TTL})
			}
		}
		if err != nil {
			return errPacket
		}
	}
}

// pieces are the records of one packet, by name, until they are put together.
type pieces struct {
	order     []string // full names of instances, as pointers were read
	ttl       map[string]uint32
	services  map[string]dnsmessage.SRVResource
	texts     map[string][]byte
	addresses map[string][]netip.Addr
}

// parseAnswers puts the announcements of an answer together. What is not whole in one packet counts for nothing.
func parseAnswers(p *dnsmessage.Parser) ([]record, error) {
	found := pieces{
		ttl: make(map[string]uint32), services: make(map[string]dnsmessage.SRVResource), texts: make(map[string][]byte),
		addresses: make(map[string][]netip.Addr),
	}
	left := maxRecords
	for _, section := range []struct {
		header func() (dnsmessage.ResourceHeader, error)
		skip   func() error
	}{{p.AnswerHeader, p.SkipAnswer}, {p.AuthorityHeader, p.SkipAuthority}, {p.AdditionalHeader, p.SkipAdditional}} {
		for {
			header, err := section.header()
			if errors.Is(err, dnsmessage.ErrSectionDone) {
				break
			}
			if left--; err != nil || left < 0 {
				return nil, errPacket
			}
			if header.Class&classMask != dnsmessage.ClassINET || !found.take(p, header) {
				err = section.skip()
			}
			if err != nil {
				return nil, errPacket
			}
		}
	}
	return found.records(), nil
}

// take reads one record, false if it is none of those that are looked for or cannot be read: the caller skips it.
func (f *pieces) take(p *dnsmessage.Parser, header dnsmessage.ResourceHeader) bool {
	name := strings.ToLower(header.Name.String())
	switch header.Type {
	case dnsmessage.TypePTR:
		if _, ok := kindOf(name); !ok {
			return false
		}
		ptr, err := p.PTRResource()
		if err != nil {
			return false
		}
		full := strings.ToLower(ptr.PTR.String())
		if _, twice := f.ttl[full]; !twice {
			f.order = append(f.order, full)
		}
		f.ttl[full] = header.TTL
	case dnsmessage.TypeSRV:
		service, err := p.SRVResource()
		if err != nil {
			return false
		}
		f.services[name] = service
	case dnsmessage.TypeTXT:
		text, err := p.TXTResource()
		if err != nil {
			return false
		}
		for _, line := range text.TXT {
			if payload, ok := strings.CutPrefix(line, payloadKey); ok {
				f.texts[name] = []byte(payload)
				break
			}
		}
	case dnsmessage.TypeA:
		a, err := p.AResource()
		if err != nil {
			return false
		}
		f.address(name, netip.AddrFrom4(a.A))
	case dnsmessage.TypeAAAA:
		a, err := p.AAAAResource()
		if err != nil {
			return false
		}
		f.address(name, netip.AddrFrom16(a.AAAA))
	default:
		return false
	}
	return true
}

func (f *pieces) address(host string, ip netip.Addr) {
	if len(f.addresses[host]) < nearby.MaxAddresses {
		f.addresses[host] = append(f.addresses[host], ip)
	}
}

func (f *pieces) records() (all []record) {
	for _, full := range f.order {
		label, kind, ok := split(full)
		if !ok {
			continue
		}
		r := record{instance: instance{kind: kind, name: label}, ttl: f.ttl[full]}
		if r.ttl > 0 {
			service := f.services[full]
			host := strings.ToLower(service.Target.String())
			r.host = strings.TrimSuffix(host, domain)
			r.port, r.payload, r.addresses = service.Port, f.texts[full], f.addresses[host]
			whole := nearby.Announcement{Kind: kind, Port: r.port, Payload: r.payload}
			if whole.Check() != nil || len(r.addresses) == 0 {
				continue
			}
		}
		all = append(all, r)
	}
	return all
}

// header is that of a record of ours: a shared one.
func header(name string, ttl uint32) dnsmessage.ResourceHeader {
	return dnsmessage.ResourceHeader{Name: dnsmessage.MustNewName(name), Class: dnsmessage.ClassINET, TTL: ttl}
}

// encode writes an answer that holds a whole announcement, or takes it back if its time to live is zero. [NEAR-21]
func (r record) encode() ([]byte, error) {
	b := dnsmessage.NewBuilder(nil, dnsmessage.Header{Response: true, Authoritative: true})
	b.EnableCompression()
	full, host := r.full(), r.fullHost()
	err := errors.Join(
		b.StartAnswers(),
		b.PTRResource(header(string(r.kind)+domain, r.ttl), dnsmessage.PTRResource{PTR: dnsmessage.MustNewName(full)}),
	)
	if r.ttl > 0 {
		err = errors.Join(err,
			b.SRVResource(header(full, r.ttl), dnsmessage.SRVResource{Port: r.port, Target: dnsmessage.MustNewName(host)}),
			b.TXTResource(header(full, r.ttl), dnsmessage.TXTResource{TXT: []string{payloadKey + string(r.payload)}}),
		)
		for _, ip := range r.addresses {
			if ip.Is4() {
				err = errors.Join(err, b.AResource(header(host, r.ttl), dnsmessage.AResource{A: ip.As4()}))
			} else {
				err = errors.Join(err, b.AAAAResource(header(host, r.ttl), dnsmessage.AAAAResource{AAAA: ip.As16()}))
			}
		}
	}
	data, finished := b.Finish()
	if err = errors.Join(err, finished); err != nil {
		return nil, fmt.Errorf("writing an announcement: %w", err)
	}
	return data, nil
}

// question writes a query for a kind with as much of what is known as fits. [NEAR-23]
func question(kind nearby.Kind, all []known) ([]byte, error) {
	b := dnsmessage.NewBuilder(nil, dnsmessage.Header{})
	b.EnableCompression()
	name := string(kind) + domain
	err := errors.Join(
		b.StartQuestions(),
		b.Question(dnsmessage.Question{Name: dnsmessage.MustNewName(name), Type: dnsmessage.TypePTR, Class: dnsmessage.ClassINET}),
		b.StartAnswers(),
	)
	size := 12 + len(name) + 6
	for _, k := range all {
		if size += 2 + 10 + 1 + len(k.name) + 2; size > packetSize {
			break
		}
		full := instance{kind: kind, name: k.name}.full()
		err = errors.Join(err, b.PTRResource(header(name, k.ttl), dnsmessage.PTRResource{PTR: dnsmessage.MustNewName(full)}))
	}
	data, finished := b.Finish()
	if err = errors.Join(err, finished); err != nil {
		return nil, fmt.Errorf("writing a question: %w", err)
	}
	return data, nil
}
