package node

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"muster.example/internal/keys"
	"muster.example/membership"
	"muster.example/node/api"
	"muster.example/node/store"
)

// Roll lists a page of the roll in words.
func (n *Node) Roll(_ context.Context, query api.RollQuery) (api.RollPage, error) {
	o, err := n.oneOrganization(query.Org)
	if err != nil {
		return api.RollPage{}, err
	}
	limit := query.Limit
	if limit <= 0 || limit > api.MaxRollPage {
		limit = api.MaxRollPage
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	page := api.RollPage{Org: o.org.String(), OrgName: o.roll.State().OrgName(), Size: o.roll.Size()}
	err = o.node.store.View(func(tx *store.Tx) error {
		return tx.EntriesFrom(o.org, query.From, func(index uint64, data []byte) (bool, error) {
			if index >= o.roll.Size() || len(page.Entries) == limit {
				return false, nil
			}
			entry, err := o.rollEntry(tx, index, data)
			page.Entries = append(page.Entries, entry)
			return true, err
		})
	})
	return page, err
}

// rollEntry says what an entry is. Callers hold mu.
func (o *organization) rollEntry(tx *store.Tx, index uint64, data []byte) (api.RollEntry, error) {
	entry, err := membership.ParseEntry(data)
	if err != nil {
		return api.RollEntry{}, err
	}
	if entry.Hidden() {
		what := "an event for admins and desks"
		if entry.Audience.Kind == membership.AudienceGroup {
			what = "an event of a group that is not listed"
		}
		return api.RollEntry{Index: index, Kind: "hidden", What: what}, nil
	}
	event, err := membership.ReadEvent(entry.Event)
	if err != nil {
		return api.RollEntry{}, err
	}
	w := &wording{o: o, state: o.roll.State(), tx: tx, index: index, entry: entry, event: event}
	described := api.RollEntry{
		Index: index, Time: time.UnixMilli(entry.Time).UTC(), Key: event.Signer.String(), Event: membership.SignedEvent(entry.Event).ID().String(),
	}
	if described.Kind, described.What, described.Detail, err = w.say(); err != nil {
		return described, err
	}
	described.Clauses = w.clauses
	described.By, described.As = w.signer()
	if described.Void = w.state.Voided(index, event); described.Void {
		described.Since, err = w.voidSince()
	}
	return described, err
}

// wording puts one event into words.
type wording struct {
	o     *organization
	state *membership.State
	tx    *store.Tx
	index uint64
	entry membership.Entry
	event membership.Event

	clauses []api.Clause // what was said, in the order in which it was
}

// put says a clause, and notes its kind with what it puts in, for who says it in another language.
func (w *wording) put(kind, format string, values ...any) string {
	clause := api.Clause{Kind: kind}
	for _, value := range values {
		clause.Values = append(clause.Values, fmt.Sprint(value))
	}
	w.clauses = append(w.clauses, clause)
	return fmt.Sprintf(format, values...)
}

// signer returns whose key signed the event, and as what.
func (w *wording) signer() (by api.Person, as string) {
	key := w.event.Signer
	if w.state.IsRootKey(key) {
		return by, "root key"
	}
	if id, ok := w.state.IsRecoveryKey(key); ok {
		return w.o.personLocked(id), "recovery key"
	}
	if _, enrols := w.state.Enrolment(key); enrols {
		return by, "enrolment key"
	}
	id, ok := w.state.AccountOf(key)
	if !ok {
		return by, "device"
	}
	by = w.o.personLocked(id)
	switch e := &w.event; {
	case e.Enter != nil:
		return by, "new device"
	case e.Role != nil, e.Suspend != nil, e.Reinstate != nil, e.Remove != nil, e.Policy != nil, e.Readmit != nil, e.Rendezvous != nil,
		e.Name != nil && !e.Name.Member.IsZero() && e.Name.Member != id,
		e.Dismiss != nil, e.Skin != nil, e.Archive != nil, e.Nodes != nil, e.Enrolment != nil, e.Bar != nil && !w.isOf(e.Bar.Device, id), e.Revoke != nil && w.inviter(e.Revoke.Key) != id:
		return by, "admin"
	}
	return by, "device"
}

func (w *wording) isOf(device keys.PublicKey, id keys.MemberID) bool {
	owner, ok := w.state.AccountOf(device)
	return ok && owner == id
}

func (w *wording) inviter(key keys.PublicKey) keys.MemberID {
	issued, _ := w.state.Invitation(key)
	return issued.By
}

// member names a member so that two with like names can be told apart.
func (w *wording) member(id keys.MemberID) string { return w.o.personText(id) }

// name quotes the name of a member, or of who is none yet, unless this account is a guest who is not to see it.
func (w *wording) name(id keys.MemberID, name string) string {
	if !w.o.showsLocked(id) {
		return "(not for guests)"
	}
	return fmt.Sprintf("%q", name)
}

// owner names the member whose device a key is.
func (w *wording) owner(device keys.PublicKey) string {
	if id, ok := w.state.AccountOf(device); ok {
		return w.member(id)
	}
	return "nobody"
}

func short(key keys.PublicKey) string { return "…" + key.Short() }

// say returns the event's kind, what it did as the rest of a sentence whose subject is the signer, and the key that it is
// about.
func (w *wording) say() (kind, what, detail string, err error) {
	switch e := &w.event; {
	case e.Found != nil:
		return "found", w.put("found", "founded %s as its first admin", e.Found.OrgName), e.Found.Root.String(), nil
	case e.Rendezvous != nil && e.Rendezvous.Term == 1:
		return "rendezvous", w.put("node", "named the rendezvous node %s", short(e.Rendezvous.Node)), e.Rendezvous.Node.String(), nil
	case e.Rendezvous != nil:
		what = w.put("move", "moved the sequencing duty to %s, term %d", short(e.Rendezvous.Node), e.Rendezvous.Term)
		return "rendezvous", what, e.Rendezvous.Node.String(), nil
	case e.Invite != nil:
		return "invite", w.invite(e.Invite), e.Invite.Key.String(), nil
	case e.Join != nil:
		return w.join(e.Join)
	case e.Device != nil:
		return "device", w.put("device", "added device %s", short(e.Device.Add)), e.Device.Add.String(), nil
	case e.Policy != nil:
		what, err = w.policy(e.Policy.Policy)
		return "policy", what, "", err
	case e.Revoke != nil:
		return "revoke", w.put("revoke", "took back invitation %s", short(e.Revoke.Key)), e.Revoke.Key.String(), nil
	case e.Name != nil && !e.Name.Member.IsZero():
		return "name", w.put("named", "named %s %s", w.member(e.Name.Member), w.name(e.Name.Member, e.Name.Name)), "", nil
	case e.Name != nil:
		id, _ := w.state.AccountOf(w.event.Signer)
		return "name", w.put("name", "took the name %s", w.name(id, e.Name.Name)), "", nil
	case e.Enrolment != nil:
		return "enrolment", w.enrolment(e.Enrolment), e.Enrolment.Key.String(), nil
	case e.Root != nil:
		return "root", w.put("root", "replaced the root key"), e.Root.Key.String(), nil
	case e.Cancel != nil:
		return "cancel", w.put("cancel", "used up a counter"), "", nil
	}
	if kind, what, ok := w.decided(); ok {
		return kind, what, "", nil
	}
	if kind, what, ok := w.inGroup(); ok {
		return kind, what, "", nil
	}
	kind, what, detail = w.account()
	return kind, what, detail, nil
}

func (w *wording) invite(i *membership.Invite) string {
	what := w.put("invite", "made invitation %s as %s", short(i.Key), i.Role)
	if i.Name != "" {
		what += w.put("invite.name", " for the name %s", w.name(keys.MemberID{}, i.Name))
	}
	if i.Apply {
		what += w.put("invite.apply", ", to apply")
	}
	until := time.Unix(i.Expires, 0).UTC().Format("2006-01-02 15:04")
	if i.Uses == 1 {
		return what + w.put("invite.once", ", one use until %s", until)
	}
	return what + w.put("invite.uses", ", %d uses until %s", i.Uses, until)
}

func (w *wording) join(j *membership.Join) (kind, what, detail string, err error) {
	issued, _ := w.state.Invitation(j.Invitation)
	name := `"guest"`
	if j.Name != "" {
		name = w.name(membership.MemberOf(w.o.org, w.entry.Event), j.Name)
	}
	if issued, enrols := w.state.Enrolment(j.Invitation); enrols {
		what = w.put("join.enrolled", "joined as %s, %s, by the login at %s", name, j.Role, issued.Terms.Issuer)
		return "join", what, j.Invitation.String(), nil
	}
	what = w.put("join", "joined as %s, %s, by invitation %s of %s", name, issued.Role, short(j.Invitation), w.member(issued.By))
	return "join", what, j.Invitation.String(), nil
}

// decided is what admins decide about members.
func (w *wording) decided() (kind, what string, ok bool) {
	switch e := &w.event; {
	case e.Role != nil:
		return "role", w.put("role", "made %s %s", w.member(e.Role.Member), e.Role.Role), true
	case e.Suspend != nil:
		return "suspend", w.put("suspend", "suspended %s", w.member(e.Suspend.Member)), true
	case e.Reinstate != nil:
		return "reinstate", w.put("reinstate", "reinstated %s", w.member(e.Reinstate.Member)), true
	case e.Remove != nil:
		return "remove", w.put("remove", "removed %s", w.member(e.Remove.Member)), true
	case e.Vouch != nil:
		return "vouch", w.vouch(e.Vouch), true
	case e.Dismiss != nil:
		return "dismiss", w.dismiss(e.Dismiss), true
	case e.Skin != nil:
		return "skin", w.put("skin", "changed how the inbox looks: %s", skinText(*e.Skin)), true
	case e.Archive != nil:
		return "archive", w.archive(e.Archive), true
	case e.Nodes != nil:
		return "nodes", w.put("nodes", "set the further rendezvous nodes: %s", nodesText(e.Nodes.Further)), true
	}
	return "", "", false
}

// nodesText names nodes by their keys, a dash for none.
func nodesText(nodes []membership.NodeAddress) string {
	var all []string
	for _, node := range nodes {
		all = append(all, short(node.Key))
	}
	return cmp.Or(strings.Join(all, ", "), "-")
}

func (w *wording) vouch(v *membership.Vouch) string {
	join, err := membership.ReadEvent(v.Join)
	if err != nil || join.Join == nil {
		return w.put("vouch.somebody", "vouched for somebody")
	}
	return w.put("vouch", "vouched for %s, who applies with device %s", w.name(keys.MemberID{}, join.Join.Name), short(join.Signer))
}

func (w *wording) dismiss(d *membership.Dismiss) string {
	what := w.put("dismiss", "removed the guests who joined from #%d to #%d", d.From, d.To-1)
	if !d.Invitation.IsZero() {
		what += w.put("dismiss.invitation", " by invitation %s", short(d.Invitation))
	}
	return what
}

// account is what happens to devices and keys of accounts.
func (w *wording) account() (kind, what, detail string) {
	switch e := &w.event; {
	case e.Bar != nil:
		what = w.put("bar", "barred device %s of %s", short(e.Bar.Device), w.owner(e.Bar.Device))
		if e.Bar.After > 0 {
			what += w.put("bar.from", ", with what it did from #%d on", e.Bar.After)
		}
		if len(e.Bar.Keep) > 0 {
			what += w.put("bar.keep", ", keeping %d of those it added", len(e.Bar.Keep))
		}
		if e.Bar.Wipe {
			what += w.put("bar.wipe", ", and asked it to remove its data")
		}
		return "bar", what, e.Bar.Device.String()
	case e.Freeze != nil:
		return "freeze", w.put("freeze", "froze the account"), ""
	case e.Lift != nil && !e.Lift.Wipe.IsZero():
		return "lift", w.put("lift.wipe", "cancelled the removal of data on device %s", short(e.Lift.Wipe)), e.Lift.Wipe.String()
	case e.Lift != nil:
		return "lift", w.put("lift", "lifted the freeze"), ""
	case e.Order != nil:
		return "order", w.put("order", "put %d devices in a new order of seniority", len(e.Order.Devices)), ""
	case e.Recovery != nil:
		return "recovery", w.put("recovery", "replaced the recovery key"), e.Recovery.Key.String()
	case e.Readmit != nil:
		what = w.put("readmit", "re-admitted %s with device %s, after the delay", w.member(e.Readmit.Member), short(e.Readmit.Device))
		return "readmit", what, e.Readmit.Device.String()
	case e.Enter != nil:
		return "enter", w.put("enter", "took the account by a re-admission"), w.event.Signer.String()
	case e.Refuse != nil:
		return "refuse", w.put("refuse", "refused a re-admission"), ""
	}
	return "unknown", w.put("unknown", "an event of a kind that this version has no words for"), ""
}

// policy says what a policy changed.
func (w *wording) policy(to membership.Policy) (string, error) {
	for index := w.index; index > 0; {
		index--
		_, event, err := w.o.entryAt(w.tx, index)
		if err != nil {
			return "", err
		}
		var from membership.Policy
		switch {
		case event.Policy != nil:
			from = event.Policy.Policy
		case event.Found != nil:
			from = event.Found.Policy
		default:
			continue
		}
		changed := policyChanges(from, to)
		if len(changed) == 0 {
			break
		}
		what := w.put("policy", "changed the policy: ")
		var changes []string
		for _, c := range changed {
			changes = append(changes, w.put("policy.change", "%s from %s to %s", c.Key, c.From, c.To))
		}
		return what + strings.Join(changes, ", "), nil
	}
	return w.put("policy.again", "set the policy again"), nil
}

// voidSince returns the index of the bar that voided the event: the last one of the device that signed it, or of one that
// it came from; 0 if it is void for another reason.
func (w *wording) voidSince() (uint64, error) {
	owner, _ := w.state.AccountOf(w.event.Signer)
	m, _ := w.state.Member(owner)
	above := make(map[keys.PublicKey]bool) // the signer's device and those that it came from
	for next := w.event.Signer; !next.IsZero() && !above[next]; {
		above[next] = true
		parent := keys.PublicKey{}
		for _, d := range m.Devices {
			if d.Key == next {
				parent = d.By
			}
		}
		next = parent
	}
	var since uint64
	err := w.tx.EntriesFrom(w.o.org, w.index+1, func(index uint64, data []byte) (bool, error) {
		if index >= w.o.roll.Size() {
			return false, nil
		}
		entry, err := membership.ParseEntry(data)
		if err != nil || entry.Hidden() {
			return true, err
		}
		event, err := membership.ReadEvent(entry.Event)
		if err == nil && event.Bar != nil && above[event.Bar.Device] && event.Bar.After > 0 && event.Bar.After <= w.index &&
			!w.state.Voided(index, event) {
			since = index
		}
		return true, err
	})
	return since, err
}

// personText names a member with the start of their id. Callers hold mu.
func (o *organization) personText(id keys.MemberID) string {
	name := o.memberNameLocked(id)
	if strings.HasSuffix(name, id.Short()) {
		return name
	}
	return name + " (" + id.Short() + ")"
}

// ExportRoll returns the whole roll, with its checkpoint, as a file that anybody can verify.
func (n *Node) ExportRoll(_ context.Context, query api.RollQuery) (int64, io.ReadCloser, error) {
	o, err := n.oneOrganization(query.Org)
	if err != nil {
		return 0, nil, err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	var entries [][]byte
	var file []byte
	err = o.node.store.View(func(tx *store.Tx) error {
		kept, err := tx.Checkpoint(o.org)
		if err != nil {
			return err
		}
		covered := o.checkpoint.Size
		err = tx.EntriesFrom(o.org, 0, func(index uint64, data []byte) (bool, error) {
			if index < covered {
				entries = append(entries, bytes.Clone(data))
			}
			return index < covered, nil
		})
		file = membership.NewRollFile(o.org, kept.Note, entries).Marshal()
		return err
	})
	return int64(len(file)), io.NopCloser(bytes.NewReader(file)), err
}
