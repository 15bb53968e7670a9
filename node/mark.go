package node

import (
	"context"
	"slices"

	"muster.example/internal/keys"
	"muster.example/node/api"
	"muster.example/node/store"
	"muster.example/sync/history"
)

// marksAtOnce is how many records one transaction of a mark or a tag has, and how many messages one event about it names.
const marksAtOnce = 256

// Mark marks messages as read or as not read, on all own devices. [API-53]
func (n *Node) Mark(_ context.Context, request api.MarkRequest) (api.Marked, error) {
	o, ids, err := n.pick(request.Org, request.IDs, request.Threads, func(o *organization, th history.Thread) []keys.MessageID {
		return o.threadMarks(th, request.Unread)
	})
	if err != nil {
		return api.Marked{}, err
	}
	changed, err := o.mark(ids, !request.Unread)
	return api.Marked{Changed: changed}, err
}

// threadMarks returns what marking a thread is about: all its messages, or of those that are received the newest.
func (o *organization) threadMarks(th history.Thread, unread bool) (ids []keys.MessageID) {
	for at, hidden := range th.Back(nil) {
		if hidden || o.view.Threads().IsOwn(at.Message) {
			continue
		}
		if ids = append(ids, at.Message); unread {
			break
		}
	}
	return ids
}

// pick finds the messages that ids and threads stand for, in one organization, each once.
func (n *Node) pick(org string, ids, threads []string,
	of func(o *organization, th history.Thread) []keys.MessageID) (in *organization, picked []keys.MessageID, err error) {
	have := make(map[keys.MessageID]bool)
	add := func(o *organization, all ...keys.MessageID) error {
		if in != nil && in != o {
			return api.Errorf(api.CodeUsage, "the messages are of more than one organization").WithHint("name those of one at a time")
		}
		in = o
		for _, id := range all {
			if !have[id] {
				have[id], picked = true, append(picked, id)
			}
		}
		return nil
	}
	for _, text := range ids {
		o, r, err := n.findMessage(org, text)
		if err != nil {
			return nil, nil, err
		}
		if err := add(o, r.Message.ID()); err != nil {
			return nil, nil, err
		}
	}
	for _, text := range threads {
		o, id, err := n.findThread(org, text)
		if err != nil {
			return nil, nil, err
		}
		o.mu.Lock()
		th, ok := o.threadsLocked().Thread(id)
		var all []keys.MessageID
		if ok {
			all = of(o, th)
		}
		o.mu.Unlock()
		if err := add(o, all...); err != nil {
			return nil, nil, err
		}
	}
	if in == nil {
		return nil, nil, api.Errorf(api.CodeUsage, "no message is named")
	}
	return in, picked, nil
}

// mark marks received messages as read or not read, and returns how many were otherwise before. Their authors are told that
// they were read where that is chosen.
func (o *organization) mark(ids []keys.MessageID, read bool) (changed int, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	threads := o.threadsLocked()
	ids = slices.DeleteFunc(ids, func(id keys.MessageID) bool { return threads.IsOwn(id) || threads.Read(id) == read })
	changed, err = o.noteLocked(ids, api.Mark{Read: &read}, func(id keys.MessageID) history.Record {
		if read {
			return history.Record{Kind: history.RecordRead, Read: &history.Read{Message: id}}
		}
		return history.Record{Kind: history.RecordUnread, Unread: &history.Read{Message: id}}
	})
	if err != nil || !read {
		return changed, err
	}
	return changed, o.seenLocked(ids)
}

// noteLocked stores a record for each of some messages and tells watchers so, in parts: what a part has done stays if the
// next fails. It returns how many it did. Callers hold mu.
func (o *organization) noteLocked(ids []keys.MessageID, told api.Mark, about func(id keys.MessageID) history.Record) (done int, err error) {
	for part := range slices.Chunk(ids, marksAtOnce) {
		var records []history.Record
		err := o.node.store.Update(func(tx *store.Tx) error {
			records = records[:0]
			for _, id := range part {
				r, err := tx.AppendRecord(o.org, o.self, o.now().UnixMilli(), about(id))
				if err != nil {
					return err
				}
				records = append(records, r)
			}
			return nil
		})
		if err != nil {
			return done, err
		}
		for _, r := range records {
			o.view.Apply(r)
			wake(o.wakeSiblings)
		}
		done += len(part)
		o.tellMarkLocked(part, told)
	}
	return done, nil
}

// tellMarkLocked tells watchers what was done to messages for this account alone. Callers hold mu.
func (o *organization) tellMarkLocked(ids []keys.MessageID, told api.Mark) {
	for _, id := range ids {
		told.IDs = append(told.IDs, id.String())
		if th, ok := o.view.Threads().Thread(id); ok {
			if in := th.ID().String(); !slices.Contains(told.Threads, in) {
				told.Threads = append(told.Threads, in)
			}
		}
	}
	o.node.hub.publish(api.Event{Kind: api.EventMark, Time: o.now().UTC(), Org: o.org.String(), Mark: &told})
}
