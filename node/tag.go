package node

import (
	"context"
	"slices"
	"strings"

	"golang.org/x/text/unicode/norm"

	"muster.example/internal/keys"
	"muster.example/node/api"
	"muster.example/sync/history"
)

// Tag puts a tag on messages or takes it off, on all own devices. [API-53]
func (n *Node) Tag(_ context.Context, request api.TagRequest) (api.Marked, error) {
	tag := norm.NFC.String(strings.TrimSpace(request.Tag))
	if err := history.CheckTag(tag); err != nil {
		return api.Marked{}, api.Errorf(api.CodeUsage, "%q is no tag", request.Tag).
			WithHint("a tag is one line of at most %d characters", history.MaxTag)
	}
	o, ids, err := n.pick(request.Org, request.IDs, request.Threads, func(_ *organization, th history.Thread) (ids []keys.MessageID) {
		for at, hidden := range th.Back(nil) {
			if !hidden {
				ids = append(ids, at.Message)
			}
		}
		return ids
	})
	if err != nil {
		return api.Marked{}, err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	threads := o.threadsLocked()
	ids = slices.DeleteFunc(ids, func(id keys.MessageID) bool { return threads.HasTag(id, tag) != request.Off })
	changed, err := o.noteLocked(ids, api.Mark{Tag: tag, Off: request.Off}, func(id keys.MessageID) history.Record {
		return history.Record{Kind: history.RecordTag, Tag: &history.Tag{Message: id, Tag: tag, Off: request.Off}}
	})
	return api.Marked{Changed: changed}, err
}

// Tags lists the tags that messages bear.
func (n *Node) Tags(_ context.Context, query api.TagsQuery) ([]api.Tag, error) {
	named, err := n.organizationsNamed(query.Org)
	if err != nil {
		return nil, err
	}
	var all []api.Tag
	for _, o := range named {
		o.mu.Lock()
		for _, tag := range o.threadsLocked().Tags() {
			all = append(all, api.Tag{Org: o.org.String(), Tag: tag.Tag, Messages: tag.Messages})
		}
		o.mu.Unlock()
	}
	return all, nil
}
