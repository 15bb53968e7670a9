package node

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"muster.example/internal/keys"
	"muster.example/internal/wire"
	"muster.example/membership"
	"muster.example/membership/names"
	"muster.example/node/api"
	"muster.example/sync/history"
)

// setting is one value of a policy as people read and write it.
type setting struct {
	key, about string
	get        func(membership.Policy) string
	set        func(*membership.Policy, string) error
}

// settings returns all settings, in the order in which they are shown.
func settings() []setting {
	const day = 24 * 3600
	all := append(contactSettings(), inviteSettings()...)
	all = append(all,
		setting{"names", "who decides on names: free, approved (an admin), pattern:GLOB, claim (the login provider)", nameRule, setNameRule},
		setting{"reserved", "names that only an admin gives, with commas between", reserved, setReserved},
		duration("name-hold", "how long a name that was given up stays its owner's", 0, membership.MaxNameHold,
			func(p *membership.Policy) *uint64 { return &p.NameHold }),
		count("introductions", "how many a member may send a day", 0, membership.MaxPerDay,
			func(p *membership.Policy) *uint64 { return &p.IntroductionsPerDay }),
		size("message-size", "the largest sealed message", membership.MinMaxEnvelope, membership.MaxMaxEnvelope,
			func(p *membership.Policy) *uint64 { return &p.MaxEnvelope }),
		duration("queue-time", "how long the rendezvous node holds what is not delivered", membership.MinPolicyTime, membership.MaxQueueTime,
			func(p *membership.Policy) *uint64 { return &p.QueueTime }),
		park(),
		duration("offline-grace", "how long a device takes new members without a fresh checkpoint", membership.MinPolicyTime,
			membership.MaxOfflineGrace, func(p *membership.Policy) *uint64 { return &p.OfflineGrace }),
		duration("event-age", "how long the author of an event may be behind the roll", membership.MinPolicyTime, membership.MaxEventAge,
			func(p *membership.Policy) *uint64 { return &p.EventAge }),
		duration("freeze-time", "how long a freeze of an account lasts", membership.MinFreezeTime, membership.MaxFreezeTime,
			func(p *membership.Policy) *uint64 { return &p.FreezeTime }),
		duration("readmit-delay", "how long a re-admission can be refused", max(membership.MinReadmitDelay, day), membership.MaxReadmitDelay,
			func(p *membership.Policy) *uint64 { return &p.ReadmitDelay }),
	)
	return append(append(append(all, moreSettings()...), postTo()), meetingSettings()...)
}

// allRoles are the roles in their order.
var allRoles = []membership.Role{membership.RoleAdmin, membership.RoleMember, membership.RoleDesk, membership.RoleGuest}

// park is how long a device may stay away. What holds unsaid is not said, so that earlier programs can read the policy.
func park() setting {
	s := duration("park", "how long a device may stay away before nothing is kept for it at the rendezvous node", membership.MinPark,
		membership.MaxPark, func(p *membership.Policy) *uint64 { return &p.Park })
	set := s.set
	s.get = func(p membership.Policy) string { return showDuration(p.ParkTime()) }
	s.set = func(p *membership.Policy, value string) error {
		err := set(p, value)
		if p.Park == membership.DefaultPark {
			p.Park = 0
		}
		return err
	}
	return s
}

// postTo is to how many rendezvous nodes a message is posted. What holds unsaid is not said.
func postTo() setting {
	s := count("post-to", "to how many rendezvous nodes a message is posted, where there are several", 1, membership.MaxPostTo,
		func(p *membership.Policy) *uint64 { return &p.PostTo })
	set := s.set
	s.get = func(p membership.Policy) string { return strconv.Itoa(p.Posts()) }
	s.set = func(p *membership.Policy, value string) error {
		err := set(p, value)
		if p.PostTo == 1 {
			p.PostTo = 0
		}
		return err
	}
	return s
}

// contactSettings are the contact matrix: contact.WRITER.READER.
func contactSettings() (all []setting) {
	for _, from := range allRoles {
		for _, to := range allRoles {
			all = append(all, setting{
				key:   "contact." + from.String() + "." + to.String(),
				about: fmt.Sprintf("how the role %s begins to write to the role %s: free, introduction, refused", from, to),
				get:   func(p membership.Policy) string { return p.Contact.Get(from, to).String() },
				set: func(p *membership.Policy, value string) error {
					way, err := membership.ParseContact(value)
					if err != nil {
						return fmt.Errorf("%q is not free, introduction or refused", value)
					}
					if from == membership.RoleGuest && to != membership.RoleDesk && way != membership.ContactRefused {
						return fmt.Errorf("guests may write to desks only")
					}
					p.Contact.Set(from, to, way)
					return nil
				},
			})
		}
	}
	return all
}

// inviteSettings are who may invite for which role: invite.INVITER=ROLE,ROLE or none.
func inviteSettings() (all []setting) {
	for _, inviter := range allRoles {
		all = append(all, setting{
			key:   "invite." + inviter.String(),
			about: fmt.Sprintf("for which roles the role %s may invite, with commas between, or none", inviter),
			get: func(p membership.Policy) string {
				var given []string
				for _, role := range allRoles {
					if p.Invite.May(inviter, role) {
						given = append(given, role.String())
					}
				}
				if len(given) == 0 {
					return "none"
				}
				return strings.Join(given, ",")
			},
			set: func(p *membership.Policy, value string) error { return setInvite(p, inviter, value) },
		})
	}
	return all
}

func setInvite(p *membership.Policy, inviter membership.Role, value string) error {
	given := make(map[membership.Role]bool)
	for _, word := range listed(value) {
		role, err := membership.ParseRole(word)
		if err != nil {
			return fmt.Errorf("%q is not admin, member, desk, guest or none", word)
		}
		if role == membership.RoleAdmin && inviter != membership.RoleAdmin {
			return fmt.Errorf("only admins invite admins")
		}
		given[role] = true
	}
	for _, role := range allRoles {
		p.Invite.Set(inviter, role, given[role])
	}
	return nil
}

// listed splits a list at its commas; none and nothing are empty lists.
func listed(value string) (words []string) {
	if value == "none" {
		return nil
	}
	for word := range strings.SplitSeq(value, ",") {
		if word = strings.TrimSpace(word); word != "" {
			words = append(words, word)
		}
	}
	return words
}

const patternPrefix = "pattern:"

func nameRule(p membership.Policy) string {
	if p.NameRule == membership.NamesByPattern {
		return patternPrefix + p.NamePattern
	}
	return p.NameRule.String()
}

func setNameRule(p *membership.Policy, value string) error {
	pattern, byPattern := strings.CutPrefix(value, patternPrefix)
	switch {
	case value == membership.NamesFree.String():
		p.NameRule, p.NamePattern = membership.NamesFree, ""
	case value == membership.NamesApproved.String():
		p.NameRule, p.NamePattern = membership.NamesApproved, ""
	case value == membership.NamesByClaim.String():
		p.NameRule, p.NamePattern = membership.NamesByClaim, ""
	case byPattern:
		if err := names.CheckPattern(pattern); err != nil {
			return fmt.Errorf("%s", strings.TrimPrefix(err.Error(), "names: "))
		}
		p.NameRule, p.NamePattern = membership.NamesByPattern, pattern
	default:
		return fmt.Errorf("%q is not free, approved, claim or pattern:GLOB", value)
	}
	return nil
}

func reserved(p membership.Policy) string { return strings.Join(p.Reserved, ",") }

func setReserved(p *membership.Policy, value string) error {
	list := listed(value)
	slices.Sort(list)
	list = slices.Compact(list)
	if len(list) > membership.MaxReserved {
		return fmt.Errorf("%d names where %d are allowed", len(list), membership.MaxReserved)
	}
	for _, name := range list {
		if err := membership.CheckName(name); err != nil {
			return fmt.Errorf("%q cannot be a name", name)
		}
	}
	p.Reserved = list
	return nil
}

// number makes a setting of a number with a unit.
func number(key, about string, least, most uint64, field func(*membership.Policy) *uint64,
	show func(uint64) string, read func(string) (uint64, bool), example string) setting {
	return setting{
		key: key, about: fmt.Sprintf("%s: %s to %s", about, show(least), show(most)),
		get: func(p membership.Policy) string { return show(*field(&p)) },
		set: func(p *membership.Policy, value string) error {
			n, ok := read(value)
			switch {
			case !ok:
				return fmt.Errorf("%q is not of the form %s", value, example)
			case n < least || n > most:
				return fmt.Errorf("%s is not from %s to %s", value, show(least), show(most))
			}
			*field(p) = n
			return nil
		},
	}
}

func duration(key, about string, least, most uint64, field func(*membership.Policy) *uint64) setting {
	return number(key, about, least, most, field, showDuration, readDuration, "30m, 12h, 7d or 2w")
}

func size(key, about string, least, most uint64, field func(*membership.Policy) *uint64) setting {
	return number(key, about, least, most, field, showSize, readSize, "512KiB or 1MiB")
}

func count(key, about string, least, most uint64, field func(*membership.Policy) *uint64) setting {
	return number(key, about, least, most, field, func(n uint64) string { return strconv.FormatUint(n, 10) },
		func(text string) (uint64, bool) {
			n, err := strconv.ParseUint(text, 10, 32)
			return n, err == nil
		}, "20")
}

// measure is a unit: a name for so many.
type measure struct {
	name string
	of   uint64
}

var (
	timeUnits = []measure{{"w", 7 * 24 * 3600}, {"d", 24 * 3600}, {"h", 3600}, {"m", 60}, {"s", 1}}
	sizeUnits = []measure{{"MiB", 1 << 20}, {"KiB", 1 << 10}, {"B", 1}}
)

func showDuration(seconds uint64) string { return show(seconds, timeUnits[1:]) } // days: nobody counts 4w2d
func showSize(bytes uint64) string       { return show(bytes, sizeUnits) }

func readDuration(text string) (uint64, bool) { return read(text, timeUnits) }
func readSize(text string) (uint64, bool)     { return read(text, sizeUnits) }

// show writes a number in the largest unit that it is a whole number of.
func show(n uint64, units []measure) string {
	for _, u := range units {
		if n >= u.of && n%u.of == 0 {
			return strconv.FormatUint(n/u.of, 10) + u.name
		}
	}
	return "0"
}

// read reads a number with a unit; 0 needs none.
func read(text string, units []measure) (uint64, bool) {
	if text == "0" {
		return 0, true
	}
	for _, u := range units {
		digits, ok := strings.CutSuffix(text, u.name)
		if !ok {
			continue
		}
		if n, err := strconv.ParseUint(digits, 10, 64); err == nil && n <= math.MaxUint64/u.of {
			return n * u.of, true
		}
	}
	return 0, false
}

// changed returns a policy after changes of the form KEY=VALUE.
func changed(p membership.Policy, set []string) (membership.Policy, error) {
	p.Reserved = slices.Clone(p.Reserved)
	for _, change := range set {
		key, value, found := strings.Cut(change, "=")
		if !found {
			return p, api.Errorf(api.CodeUsage, "%q is not of the form KEY=VALUE", change).WithHint("muster admin policy shows keys and values")
		}
		i := slices.IndexFunc(settings(), func(s setting) bool { return s.key == key })
		if i < 0 {
			return p, api.Errorf(api.CodeUsage, "the policy has no %q", key).WithHint("muster admin policy shows all keys")
		}
		if err := settings()[i].set(&p, value); err != nil {
			return p, api.Errorf(api.CodeUsage, "%s: %v", key, err).WithHint("%s: %s", key, settings()[i].about)
		}
	}
	if err := p.Check(); err != nil { // what no single setting can see
		return p, api.Errorf(api.CodeUsage, "%s", refusalDetail(err))
	}
	return p, nil
}

// policyChanges lists what differs.
func policyChanges(from, to membership.Policy) (changes []api.PolicyChange) {
	for _, s := range settings() {
		if before, after := s.get(from), s.get(to); before != after {
			changes = append(changes, api.PolicyChange{Key: s.key, From: before, To: after})
		}
	}
	return changes
}

// Policy shows the policy of an organization.
func (n *Node) Policy(_ context.Context, query api.AdminQuery) (api.PolicyResult, error) {
	o, err := n.oneOrganization(query.Org)
	if err != nil {
		return api.PolicyResult{}, err
	}
	return o.policyResult(nil), nil
}

func (o *organization) policyResult(changes []api.PolicyChange) api.PolicyResult {
	o.mu.Lock()
	defer o.mu.Unlock()
	state := o.roll.State()
	result := api.PolicyResult{Org: o.org.String(), OrgName: state.OrgName(), Changes: changes}
	for _, s := range settings() {
		result.Settings = append(result.Settings, api.PolicySetting{Key: s.key, Value: s.get(state.Policy()), About: s.about})
	}
	return result
}

// SetPolicy changes the policy of an organization, or, with Check, says what would change.
func (n *Node) SetPolicy(ctx context.Context, request api.PolicyRequest) (api.PolicyResult, error) {
	o, err := n.oneOrganization(request.Org)
	if err != nil {
		return api.PolicyResult{}, err
	}
	o.mu.Lock()
	before := o.roll.State().Policy()
	o.mu.Unlock()
	after, err := changed(before, request.Set)
	if err != nil {
		return api.PolicyResult{}, err
	}
	changes := policyChanges(before, after)
	event := membership.Event{Policy: &membership.PolicyChange{Policy: after}}
	root, err := o.rootKey(request.RootWords)
	if err != nil {
		return api.PolicyResult{}, err
	}
	switch {
	case len(changes) == 0:
	case request.Check: // who may not is told before they are asked
		_, err = alreadySo(o.mayDecide(event, root))
	default:
		_, err = o.decide(ctx, event, root)
	}
	if err != nil {
		return api.PolicyResult{}, err
	}
	result := o.policyResult(changes)
	result.Already = len(changes) == 0
	return result, nil
}

// refusalDetail returns what is wrong, without the words around it.
func refusalDetail(err error) string {
	text := err.Error()
	if _, detail, found := strings.Cut(text, membership.ReasonPolicy.String()+": "); found {
		return detail
	}
	return text
}

// fitsPolicyLocked says why a text is too large for the policy, or nil. Sealing adds at most an eighth, by padding, and
// what a signature and a header take. Callers hold mu.
func (o *organization) fitsPolicyLocked(text history.Text) error {
	const around = 2 << 10
	most := o.roll.State().Policy().MaxEnvelope
	if body := uint64(len(wire.Encode(text))); body+body/8+around > most {
		return api.Errorf(api.CodeRefused, "the message is larger than %s allows: %s", o.roll.State().OrgName(), showSize(most)).
			WithHint("send the text as a file: -a FILE")
	}
	return nil
}

// mayContactLocked returns how the roll lets this account write to a member, and why it does not. Callers hold mu.
func (o *organization) mayContactLocked(member keys.MemberID) (way membership.Contact, why string) {
	state := o.roll.State()
	people := o.allPeopleLocked()
	m, known := people.Member(member)
	switch {
	case !known:
		return membership.ContactRefused, "not a member of " + state.OrgName()
	case m.Removed:
		return membership.ContactRefused, "was removed from " + state.OrgName()
	case m.Suspended:
		return membership.ContactRefused, "is suspended in " + state.OrgName()
	}
	if way = people.MayContact(o.member, member); way == membership.ContactRefused {
		self, _ := people.Member(o.member)
		return way, fmt.Sprintf("the policy of %s lets no %s write to a %s", state.OrgName(), self.Role, m.Role)
	}
	return way, ""
}

// sendingLocked says why this device may send nothing at all, or nil. Callers hold mu.
func (o *organization) sendingLocked() error {
	state := o.roll.State()
	switch state.Standing(o.device) {
	case membership.StandingSuspended:
		return api.Errorf(api.CodeRefused, "you are suspended in %s", state.OrgName()).WithHint("ask an admin of %s", state.OrgName())
	case membership.StandingRemoved:
		return api.Errorf(api.CodeRefused, "you were removed from %s", state.OrgName()).WithHint("ask an admin of %s for an invitation", state.OrgName())
	case membership.StandingBarred:
		return api.Errorf(api.CodeRefused, "this device is barred in %s", state.OrgName()).
			WithHint("use another device of yours, or the recovery words: muster device recover")
	case membership.StandingEnded:
		return api.Errorf(api.CodeRefused, "this device's account in %s was given to a new device, by a re-admission", state.OrgName()).
			WithHint("if that was not you, ask an admin of %s at once", state.OrgName())
	}
	return nil
}
