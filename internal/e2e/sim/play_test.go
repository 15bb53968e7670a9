package sim

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/libp2p/go-libp2p/core/protocol"

	"muster.example/internal/keys"
	"muster.example/internal/wire"
	"muster.example/membership"
	"muster.example/membership/group"
	"muster.example/node/api"
	"muster.example/rendezvous"
	"muster.example/rendezvous/rvproto"
	"muster.example/sync/history"
)

// play is a random play with what it takes to judge it.
type play struct {
	*world
	choices
	tap      *tap
	bell     bell
	accounts []*account
	groups   []*troop
	out      map[*account]bool // removed
	barred   map[*person]bool
	away     map[*person]time.Time // cut off or crashed, until then
	nodeBack time.Time             // when the rendezvous node is started again; zero while it runs
	liar     *liar

	trace []string // what happened, for a run that fails

	sending sync.WaitGroup
	mu      sync.Mutex // guards the following
	posts   []*post
	known   []keys.PublicKey         // the devices that the node names as newer ones, in turn, whoever they are
	full    time.Time                // until then the node answers each post that it has no room
	denied  map[keys.EnvelopeID]bool // what the node has taken in spite of such an answer
}

// troop is a group as the play has it in mind: who is there may be other people by the roll.
type troop struct {
	id      keys.GroupID
	listed  bool
	members []*account // the first is a moderator
	invited []*account
}

// post is a message that a device took.
type post struct {
	text  string
	by    *person
	known uint64 // the size of its roll before
}

// newPlay founds the organization, with groups of some members and one of all.
func newPlay(w *world, members int) *play {
	p := &play{
		world: w, choices: newChoices(w.net.Seed()), out: make(map[*account]bool), barred: make(map[*person]bool),
		away: make(map[*person]time.Time), denied: make(map[keys.EnvelopeID]bool), bell: bell{rings: make(map[*person]map[string]int)},
	}
	w.node.stop()
	p.tap = w.node.tap()
	tapping := w.node.change
	p.liar = w.node.corrupt()
	lying := w.node.change
	w.node.change = func(cfg *rendezvous.Config) { tapping(cfg); lying(cfg) }
	w.node.start()
	sizes := []int{2, 3, 5, members / 2, members}
	p.accounts = w.crowd(members, 2, func(i int, first *person) {
		for n, size := range sizes {
			if i == 0 {
				p.groups = append(p.groups, &troop{id: p.create(first, membership.NewGroup{
					Name: fmt.Sprint("group ", n), Admission: group.Open, Writers: group.Everybody, Listed: true,
				}), listed: true})
			} else if i < size {
				p.must(first.act(membership.Event{GroupJoin: &membership.GroupJoin{Group: p.groups[n].id}}))
			}
		}
	})
	for n, size := range sizes {
		p.groups[n].members = slices.Clone(p.accounts[:size])
	}
	w.assemble(p.bell.listen)
	for _, d := range p.all {
		p.known = append(p.known, d.identity().Public())
	}
	p.liar.say(p.misname)
	return p
}

// misname is the lie that the node tells all the time: it names in its answers devices that it should not, so that authors
// seal for them, and when it is full, it has taken what it says it has not.
func (p *play) misname(on protocol.ID, _ keys.PublicKey, frame []byte) []byte {
	answer, err := rvproto.ParseAnswer(frame)
	if on != rvproto.PostPieces || err != nil || answer.Status != wire.StatusOK {
		return frame
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if time.Now().Before(p.full) {
		p.denied[answer.ID] = true
		return rvproto.AppendAnswer(nil, rvproto.AnswerFrame{ID: answer.ID, Status: wire.StatusFull})
	}
	for i := range 4 {
		if d := p.known[int(answer.ID[i])%len(p.known)]; !slices.Contains(answer.Newer, d) {
			answer.Newer = append(answer.Newer, d)
		}
	}
	return rvproto.AppendAnswer(nil, answer)
}

func (p *play) must(_ []byte, err error) {
	p.t.Helper()
	if err != nil {
		p.t.Fatal(err)
	}
}

// note keeps what happened.
func (p *play) note(format string, values ...any) {
	p.trace = append(p.trace, time.Now().Format("04:05.000 ")+fmt.Sprintf(format, values...))
}

// create makes a group.
func (p *play) create(by *person, g membership.NewGroup) keys.GroupID {
	p.t.Helper()
	signed, err := by.act(membership.Event{Group: &g})
	if err != nil {
		p.t.Fatalf("%s creates a group: %v", by.name, err)
	}
	return membership.GroupOf(by.inOrg(), signed)
}

// some returns a random device that is up, connected and in the organization, of an account if one is named; nil if there
// is none.
func (p *play) some(of *account) *person {
	var all []*person
	for _, a := range p.accounts {
		if of != nil && a != of || p.out[a] {
			continue
		}
		for _, d := range a.devices {
			if _, away := p.away[d]; !away && !p.barred[d] && d.connected() {
				all = append(all, d)
			}
		}
	}
	if len(all) == 0 || !p.nodeBack.IsZero() {
		return nil
	}
	return all[p.below(len(all))]
}

func (p *play) anyone() *account { return p.accounts[p.below(len(p.accounts))] }

// step is one thing that happens.
func (p *play) step() {
	p.recover(time.Now())
	switch n := p.below(100); {
	case n < 42:
		p.sendToGroup()
	case n < 52:
		p.sendToSeveral()
	case n < 56:
		p.newGroup()
	case n < 66:
		p.enterGroup()
	case n < 70:
		p.inviteToGroup()
	case n < 76:
		p.leaveGroup()
	case n < 80:
		p.expelFromGroup()
	case n < 82:
		p.removeMember()
	case n < 85:
		p.barDevice()
	case n < 87:
		p.addDevice()
	case n < 92:
		p.cutOff()
	case n < 98:
		p.crashDevice()
	default:
		if p.nodeBack.IsZero() {
			p.note("the rendezvous node crashes")
			p.node.crash()
			p.nodeBack = time.Now().Add(time.Duration(p.below(40)) * time.Second)
		}
	}
	p.pause(p.choices, 4*time.Second)
}

// recover brings back what has been away for long enough.
func (p *play) recover(now time.Time) {
	if !p.nodeBack.IsZero() && now.After(p.nodeBack) {
		p.node.start()
		p.nodeBack = time.Time{}
	}
	for _, d := range p.all {
		if until, away := p.away[d]; away && now.After(until) {
			p.bring(d)
		}
	}
}

func (p *play) bring(d *person) {
	p.note("%s is back", d.name)
	delete(p.away, d)
	if d.running == nil {
		d.start()
		p.bell.listen(d)
		return
	}
	for _, other := range append([]string{serverAddress}, addresses(p.all)...) {
		p.net.Mend(d.address(), other)
		p.net.Mend(other, d.address())
	}
}

func names(all []*person) []string {
	var texts []string
	for _, d := range all {
		texts = append(texts, d.name)
	}
	return texts
}

func addresses(all []*person) []string {
	var texts []string
	for _, d := range all {
		texts = append(texts, d.address())
	}
	return texts
}

// fillUp has the node answer for a while that it is full: what is under way stays so.
func (p *play) fillUp() {
	p.note("the node says that it is full")
	p.mu.Lock()
	p.full = time.Now().Add(time.Duration(10+p.below(30)) * time.Second)
	p.mu.Unlock()
}

// sendBy has a device take a message, while the play goes on.
func (p *play) sendBy(d *person, to ...string) { p.sendFileBy(d, 0, to...) }

// sendFileBy is sendBy with a file of so many pieces, or none.
func (p *play) sendFileBy(d *person, pieces int, to ...string) {
	text := fmt.Sprintf("message %d by %s", len(p.posts), d.name)
	taken := &post{text: text, by: d}
	p.mu.Lock()
	p.posts = append(p.posts, taken)
	p.mu.Unlock()
	known := d.status().Roll.Size
	p.note("%q, roll %d, to %v", text, known, to)
	p.sending.Go(func() {
		request := api.SendRequest{To: to, Text: text}
		if pieces > 0 {
			file := bytes.Repeat([]byte(text), pieces*history.ChunkSize/len(text))
			upload, err := d.node.Upload(context.Background(), "file", bytes.NewReader(file))
			if err != nil {
				return // it crashes
			}
			request.Attachments = []string{upload.ID}
		}
		_, err := d.node.Send(context.Background(), request)
		switch {
		case err == nil:
			taken.known = known
		case code(err) != api.CodeRefused && code(err) != api.CodeNotFound && code(err) != api.CodeUsage:
			p.t.Errorf("%s sends: %v", d.name, err)
		}
	})
}

// writer returns a device to write with, which may be cut off.
func (p *play) writer(of *account) *person {
	var up []*person
	for _, d := range of.devices {
		if d.running != nil && !p.barred[d] {
			up = append(up, d)
		}
	}
	if len(up) == 0 || p.out[of] {
		return nil
	}
	return up[p.below(len(up))]
}

func (p *play) sendToGroup() {
	g := p.groups[p.below(len(p.groups))]
	if len(g.members) == 0 {
		return
	}
	for range 1 + p.below(3) {
		if d := p.writer(g.members[p.below(len(g.members))]); d != nil {
			pieces := 0
			if p.below(12) == 0 {
				pieces = 1 + p.below(int(6<<20)/history.ChunkSize) // more than is sealed ahead, at most
				p.fillUp()
			}
			p.sendFileBy(d, pieces, g.id.String())
		}
	}
}

func (p *play) sendToSeveral() {
	by := p.anyone()
	var to []string
	for range 1 + p.below(6) {
		if a := p.anyone(); a != by && !p.out[a] && !slices.Contains(to, a.id) {
			to = append(to, a.id)
		}
	}
	if d := p.writer(by); d != nil && len(to) > 0 {
		p.sendBy(d, to...)
	}
}

// said is what an event says, in short.
func said(event membership.Event) string {
	switch {
	case event.GroupJoin != nil:
		return fmt.Sprint("enters ", event.GroupJoin.Group)
	case event.GroupInvite != nil:
		return fmt.Sprint("invites ", event.GroupInvite.Members, " to ", event.GroupInvite.Group)
	case event.GroupLeave != nil:
		return fmt.Sprint("leaves ", event.GroupLeave.Group)
	case event.GroupRemove != nil:
		return fmt.Sprint("expels ", event.GroupRemove.Member, " from ", event.GroupRemove.Group)
	default:
		return fmt.Sprint("removes ", event.Remove.Member)
	}
}

// tried tells whether an event is on the roll; what the rules or the state of the network refuse is not.
func (p *play) tried(d *person, event membership.Event) bool {
	_, err := d.act(event)
	p.note("%s: %v: %v", d.name, said(event), err)
	return err == nil
}

func (p *play) newGroup() {
	d := p.some(nil)
	if d == nil || len(p.groups) > 15 {
		return
	}
	by := p.accountOf(d)
	g := &troop{listed: p.below(2) == 0, members: []*account{by}}
	event := membership.NewGroup{Name: fmt.Sprint("play ", len(p.groups)), Admission: group.Open, Writers: group.Everybody, Listed: g.listed}
	if !g.listed {
		event.Admission = group.Invited
		for range 1 + p.below(8) {
			if a := p.anyone(); a != by && !p.out[a] && !slices.Contains(g.invited, a) {
				g.invited = append(g.invited, a)
			}
		}
		event.Invited = ids(g.invited)
	}
	signed, err := d.act(membership.Event{Group: &event})
	p.note("%s creates a group: %v", d.name, err)
	if err != nil {
		return
	}
	g.id = membership.GroupOf(d.inOrg(), signed)
	p.groups = append(p.groups, g)
}

func (p *play) accountOf(d *person) *account {
	i := slices.IndexFunc(p.accounts, func(a *account) bool { return slices.Contains(a.devices, d) })
	return p.accounts[i]
}

func ids(accounts []*account) []keys.MemberID {
	var all []keys.MemberID
	for _, a := range accounts {
		id, _ := keys.ParseID[keys.Member](a.id)
		all = append(all, id)
	}
	slices.SortFunc(all, keys.MemberID.Compare)
	return all
}

func (p *play) enterGroup() {
	g := p.groups[p.below(len(p.groups))]
	from := p.accounts
	if !g.listed {
		from = g.invited
	}
	if len(from) == 0 {
		return
	}
	a := from[p.below(len(from))]
	if d := p.some(a); d != nil && !slices.Contains(g.members, a) && p.tried(d, membership.Event{GroupJoin: &membership.GroupJoin{Group: g.id}}) {
		g.members = append(g.members, a)
		g.invited = slices.DeleteFunc(g.invited, func(other *account) bool { return other == a })
	}
}

func (p *play) inviteToGroup() {
	g := p.groups[p.below(len(p.groups))]
	a := p.anyone()
	if len(g.members) == 0 || p.out[a] || slices.Contains(g.members, a) || slices.Contains(g.invited, a) {
		return
	}
	event := membership.Event{GroupInvite: &membership.GroupInvite{Group: g.id, Members: ids([]*account{a})}}
	if d := p.some(g.members[0]); d != nil && p.tried(d, event) {
		g.invited = append(g.invited, a)
	}
}

func (p *play) leaveGroup() {
	g := p.groups[p.below(len(p.groups))]
	if len(g.members) < 2 {
		return
	}
	at := 1 + p.below(len(g.members)-1)
	if d := p.some(g.members[at]); d != nil && p.tried(d, membership.Event{GroupLeave: &membership.GroupLeave{Group: g.id}}) {
		g.members = slices.Delete(g.members, at, at+1)
	}
}

func (p *play) expelFromGroup() {
	g := p.groups[p.below(len(p.groups))]
	if len(g.members) < 2 {
		return
	}
	at := 1 + p.below(len(g.members)-1)
	event := membership.Event{GroupRemove: &membership.GroupRemove{Group: g.id, Member: ids(g.members[at : at+1])[0]}}
	if d := p.some(g.members[0]); d != nil && p.tried(d, event) {
		g.members = slices.Delete(g.members, at, at+1)
	}
}

// removeMember has the admin remove somebody from the organization: a tenth of them at most.
func (p *play) removeMember() {
	a := p.accounts[1+p.below(len(p.accounts)-1)]
	d := p.some(p.accounts[0])
	if d == nil || p.out[a] || len(p.out) > len(p.accounts)/10 {
		return
	}
	if p.tried(d, membership.Event{Remove: &membership.Remove{Member: ids([]*account{a})[0]}}) {
		p.out[a] = true
		for _, g := range p.groups {
			g.members = slices.DeleteFunc(g.members, func(other *account) bool { return other == a })
			g.invited = slices.DeleteFunc(g.invited, func(other *account) bool { return other == a })
		}
	}
}

// barDevice has a member's first device bar another of theirs.
func (p *play) barDevice() {
	a := p.anyone()
	d, other := a.devices[0], a.devices[len(a.devices)-1]
	if _, away := p.away[d]; away || p.out[a] || d == other || p.barred[other] || !d.connected() || !p.nodeBack.IsZero() {
		return
	}
	device := other.identity().Public().String()
	if _, err := d.node.Bar(p.t.Context(), api.BarRequest{Devices: []string{device}}); err == nil {
		p.note("%s bars %s", d.name, other.name)
		p.barred[other] = true
	}
}

// addDevice gives a member one more device.
func (p *play) addDevice() {
	a := p.anyone()
	if p.out[a] || len(a.devices) > 2 || !p.nodeBack.IsZero() {
		return
	}
	p.note("%s gets one more device", a.name)
	d := p.another(a)
	p.bell.listen(d)
	p.mu.Lock()
	p.known = append(p.known, d.identity().Public())
	p.mu.Unlock()
}

func (p *play) cutOff() {
	var some []*person
	until := time.Now().Add(time.Duration(p.below(60)) * time.Second)
	for range 1 + p.below(8) {
		if d := p.all[p.below(len(p.all))]; d.running != nil {
			some = append(some, d)
			p.away[d] = until
		}
	}
	p.note("cut off: %v", names(some))
	p.apart(some)
}

func (p *play) crashDevice() {
	if d := p.all[p.below(len(p.all))]; d.running != nil {
		p.note("%s crashes", d.name)
		d.crash()
		p.away[d] = time.Now().Add(time.Duration(p.below(60)) * time.Second)
	}
}

// settle ends all faults and waits until everything that was under way is where it should be.
func (p *play) settle() {
	p.t.Helper()
	p.sending.Wait()
	p.note("everything is mended")
	if !p.nodeBack.IsZero() {
		p.node.start()
	}
	p.net.Heal()
	for _, d := range p.all {
		if d.running == nil {
			d.start()
			p.bell.listen(d)
		}
	}
	p.await(2*time.Hour, "everybody is there", p.together)
	p.await(2*time.Hour, "nothing is under way", func() bool {
		return p.node.queued() == 0 && !slices.ContainsFunc(p.all, func(d *person) bool {
			status := d.status()
			return status.Excluded == nil && status.Outbox > 0
		})
	})
	for _, d := range p.all {
		if status := d.status(); status.Excluded == nil && len(status.Alarms) > 0 {
			p.t.Errorf("%s is alarmed: %q", d.name, status.Alarms)
		}
	}
}
