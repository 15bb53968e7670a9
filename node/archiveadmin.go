package node

import (
	"context"
	"slices"
	"time"

	"muster.example/internal/envelope"
	"muster.example/internal/keys"
	"muster.example/membership"
	"muster.example/node/api"
	"muster.example/node/store"
)

// What may wait for an archive unless an admin says otherwise: two days of a small organization.
const (
	defaultArchiveBytes = 256 << 20
	defaultArchiveAge   = 48 * time.Hour
)

// Archive tells which archive an organization has, and whose messages go there. [API-130]
func (n *Node) Archive(_ context.Context, query api.AdminQuery) (api.Archive, error) {
	o, err := n.oneOrganization(query.Org)
	if err != nil {
		return api.Archive{}, err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.describeArchiveLocked()
}

// describeArchiveLocked describes the archive of the roll. Callers hold mu.
func (o *organization) describeArchiveLocked() (api.Archive, error) {
	state := o.roll.State()
	described := api.Archive{Org: o.org.String(), OrgName: state.OrgName(), Own: state.Archived(o.member)}
	archive, ok := state.Archive()
	if !ok {
		return described, nil
	}
	described.Named, described.Service, described.Label = true, archive.Service.String(), archive.Label
	described.Key, described.Mode = envelope.FormatArchivePublic(archive.Key), api.ArchiveOpen
	described.Bytes, described.Age = int64(archive.Bytes), int64(archive.Age)
	if archive.Mode == membership.ArchiveClosed {
		described.Mode = api.ArchiveClosed
	}
	err := o.node.store.View(func(tx *store.Tx) error {
		since := func(index uint64) (time.Time, error) {
			entry, _, err := o.entryAt(tx, index)
			return time.UnixMilli(entry.Time).UTC(), err
		}
		var err error
		if described.Since, err = since(archive.From); err != nil {
			return err
		}
		for _, d := range state.Designations() {
			if d.Until != 0 || !o.showsLocked(d.Member) {
				continue
			}
			at, err := since(d.From)
			if err != nil {
				return err
			}
			described.Accounts = append(described.Accounts, api.ArchivedAccount{Person: o.personLocked(d.Member), Since: at})
		}
		return nil
	})
	return described, err
}

// SetArchive changes the archive, or whose messages go there. It returns when the own roll holds it; of accounts as many as an event
// takes are changed by each. [API-131]
func (n *Node) SetArchive(ctx context.Context, request api.ArchiveRequest) (api.ArchiveResult, error) {
	o, err := n.oneOrganization(request.Org)
	if err != nil {
		return api.ArchiveResult{}, err
	}
	events, err := o.archiveEvents(request)
	if err != nil {
		return api.ArchiveResult{}, err
	}
	root, err := o.rootKey(request.RootWords)
	if err != nil {
		return api.ArchiveResult{}, err
	}
	for _, event := range events {
		if _, err := o.decide(ctx, membership.Event{Archive: &event}, root); err != nil {
			return api.ArchiveResult{}, err
		}
	}
	described, err := n.Archive(ctx, api.AdminQuery{Org: o.org.String()})
	return api.ArchiveResult{Archive: described, Already: len(events) == 0}, err
}

// archiveEvents returns the events that do what is asked and is not so already.
func (o *organization) archiveEvents(request api.ArchiveRequest) (events []membership.Archive, err error) {
	designate, err := o.accountsOf(request.Designate)
	if err != nil {
		return nil, err
	}
	release, err := o.accountsOf(request.Release)
	if err != nil {
		return nil, err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	state := o.roll.State()
	if request.Set != nil {
		set, changed, err := archiveSetting(state, *request.Set)
		if err != nil {
			return nil, err
		}
		if changed {
			events = append(events, membership.Archive{Set: &set})
		}
	}
	if _, named := state.Archive(); !named && request.Set == nil {
		return nil, api.Errorf(api.CodeRefused, "%s has no archive", state.OrgName()).
			WithHint("name one first: muster admin archive set --service KEY --key KEY")
	}
	designate = slices.DeleteFunc(designate, state.Archived)
	release = slices.DeleteFunc(release, func(id keys.MemberID) bool { return !state.Archived(id) })
	if slices.ContainsFunc(designate, func(id keys.MemberID) bool { return slices.Contains(release, id) }) {
		return nil, api.Errorf(api.CodeUsage, "an account is designated and released at once")
	}
	for part := range slices.Chunk(designate, membership.MaxArchiveChanges) {
		events = append(events, membership.Archive{Designate: part})
	}
	for part := range slices.Chunk(release, membership.MaxArchiveChanges) {
		events = append(events, membership.Archive{Release: part})
	}
	return events, nil
}

// accountsOf returns the accounts of names or ids, in the order of their ids, each once.
func (o *organization) accountsOf(names []string) ([]keys.MemberID, error) {
	if len(names) == 0 {
		return nil, nil
	}
	members, unknown, ok := o.find(names)
	if !ok {
		return nil, api.Errorf(api.CodeNotFound, "no member %q", unknown).
			WithHint("`muster admin members` lists them; names are told apart by their ids")
	}
	slices.SortFunc(members, keys.MemberID.Compare)
	return slices.Compact(members), nil
}

// archiveSetting returns what an admin sets, over what is set, and whether it is another.
func archiveSetting(state *membership.State, asked api.ArchiveSetting) (set membership.ArchiveSetting, changed bool, err error) {
	before, named := state.Archive()
	set = before.ArchiveSetting
	if !named {
		set = membership.ArchiveSetting{
			Mode: membership.ArchiveOpen, Bytes: defaultArchiveBytes, Age: uint64(defaultArchiveAge / time.Second),
		}
	}
	if asked.Service != "" {
		if set.Service, err = keys.ParsePublicKey(asked.Service); err != nil {
			return set, false, api.Errorf(api.CodeUsage, "the service's key is not one").
				WithHint("`muster-rendezvous archive identity` prints it, in the service's folder")
		}
	}
	if asked.Key != "" {
		if set.Key, err = envelope.ParseArchivePublic(asked.Key); err != nil {
			return set, false, api.Errorf(api.CodeUsage, "the key to seal to is not one: it begins with age1pq1").
				WithHint("`muster-rendezvous archive keygen` makes a pair; keep the private half on no machine in use; --key - reads the public one from a file")
		}
	}
	if set.Service.IsZero() || len(set.Key) == 0 {
		return set, false, api.Errorf(api.CodeUsage, "an archive needs its service's key, and a key to seal to").
			WithHint("muster admin archive set --service KEY --key KEY")
	}
	if asked.Label != "" {
		set.Label = asked.Label
	}
	switch asked.Mode {
	case "":
	case api.ArchiveOpen:
		set.Mode = membership.ArchiveOpen
	case api.ArchiveClosed:
		set.Mode = membership.ArchiveClosed
	default:
		return set, false, api.Errorf(api.CodeUsage, "an archive is open or closed, not %q", asked.Mode)
	}
	if asked.Bytes != 0 {
		set.Bytes = uint64(max(asked.Bytes, 0))
	}
	if asked.Age != 0 {
		set.Age = uint64(max(asked.Age, 0))
	}
	if set.Bytes < membership.MinArchiveBytes || set.Bytes > membership.MaxArchiveBytes ||
		set.Age < membership.MinPolicyTime || set.Age > membership.MaxQueueTime {
		return set, false, api.Errorf(api.CodeUsage, "what may wait for the archive is from 1 MiB to 1 TiB, and from 1 hour to 366 days")
	}
	same := named && set.Service == before.Service && slices.Equal(set.Key, before.Key) && set.Label == before.Label &&
		set.Mode == before.Mode && set.Bytes == before.Bytes && set.Age == before.Age
	return set, !same, nil
}

// ArchiveNotice says whether what is to be sent somewhere goes to an archive. [API-132]
func (n *Node) ArchiveNotice(_ context.Context, request api.SendRequest) (api.ArchiveNotice, error) {
	o, to, err := n.target(api.SendRequest{Org: request.Org, To: request.To, Reply: request.Reply})
	if err != nil {
		return api.ArchiveNotice{}, err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	place := to.place
	if place.IsZero() {
		place = o.with(to.members...)
	}
	return o.archiveNoticeLocked(place)
}

func (o *organization) archiveNoticeLocked(place envelope.Place) (notice api.ArchiveNotice, err error) {
	service, archived := o.archiveLocked(place)
	if !archived {
		return notice, nil
	}
	archive, _ := o.roll.State().Archive()
	notice = api.ArchiveNotice{Archived: true, By: o.roll.State().OrgName(), Label: archive.Label}
	err = o.node.store.View(func(tx *store.Tx) error {
		told, err := tx.ArchiveTold(o.org, place.ID(o.org))
		notice.First = told != service
		return err
	})
	return notice, err
}
