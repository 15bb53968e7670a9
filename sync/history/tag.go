package history

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"muster.example/internal/keys"
)

// Tag puts a word of the account's own on a message, or takes it off. [HIST-20]
type Tag struct {
	Message keys.MessageID `cbor:"1,keyasint"`
	Tag     string         `cbor:"2,keyasint"`
	Off     bool           `cbor:"3,keyasint,omitempty"`
}

// CheckTag checks that a tag is one line of 1 to MaxTag characters that shows as what it is. Errors wrap ErrBody. [HIST-20]
func CheckTag(tag string) error {
	if tag == "" || !utf8.ValidString(tag) || utf8.RuneCountInString(tag) > MaxTag || strings.ContainsFunc(tag, hidden) ||
		strings.TrimSpace(tag) != tag {
		return fmt.Errorf("%w: a tag is one line of 1 to %d characters, without a space at either end", ErrBody, MaxTag)
	}
	return nil
}

// TagKey returns what two tags that differ in case alone have in common.
func TagKey(tag string) string {
	return strings.Map(func(r rune) rune {
		least := r
		for other := unicode.SimpleFold(r); other != r; other = unicode.SimpleFold(other) {
			least = min(least, other)
		}
		return least
	}, tag)
}

// tag is a tag and where it was put on and taken off.
type tag struct {
	name  string // as it was written last
	named rank
	on    map[uint32]tagMark
}

// tagMark is the last record of one tag on one message.
type tagMark struct {
	rank rank
	off  bool
}

// TagCount is a tag and how many messages bear it.
type TagCount struct {
	Tag      string
	Messages int
}

// applyTag folds in a tag: the last counts for each message, and of two of one name that which takes it off, whose bytes are
// higher. [HIST-20]
func (t *Threads) applyTag(r Record) {
	key, at := TagKey(r.Tag.Tag), t.rankOf(r)
	have := t.tags[key]
	if have == nil {
		have = &tag{on: make(map[uint32]tagMark)}
		t.tags[key] = have
	}
	if !r.Tag.Off {
		order := 1
		if have.name != "" {
			order = cmp.Or(t.compare(at, have.named), cmp.Compare(len(r.Tag.Tag), len(have.name)), cmp.Compare(r.Tag.Tag, have.name))
		}
		if order > 0 {
			have.name, have.named = strings.Clone(r.Tag.Tag), at
		}
	}
	n := t.ref(r.Tag.Message)
	if mark, ok := have.on[n]; ok {
		if order := t.compare(at, mark.rank); order < 0 || order == 0 && !r.Tag.Off {
			return
		}
	}
	have.on[n] = tagMark{at, r.Tag.Off}
	t.recount(n, func(e *entry) { e.state |= isTagged })
}

// TagsOf returns the tags of a message, sorted.
func (t *Threads) TagsOf(message keys.MessageID) []string {
	n, ok := t.refs[message]
	if !ok || t.entries[n].state&isTagged == 0 {
		return nil
	}
	bears := make(map[string]bool)
	for _, tag := range t.tags {
		if mark, ok := tag.on[n]; ok && !mark.off {
			bears[tag.name] = true
		}
	}
	return sortedTags(bears)
}

// HasTag reports whether a message bears a tag.
func (t *Threads) HasTag(message keys.MessageID, tag string) bool {
	n, here := t.refs[message]
	have := t.tags[TagKey(tag)]
	if !here || have == nil {
		return false
	}
	mark, ok := have.on[n]
	return ok && !mark.off
}

// Tags returns all tags that some message to show bears, sorted.
func (t *Threads) Tags() (all []TagCount) {
	for _, tag := range t.tags {
		count := 0
		for range t.bearing(tag) {
			count++
		}
		if count > 0 {
			all = append(all, TagCount{Tag: tag.name, Messages: count})
		}
	}
	slices.SortFunc(all, func(a, b TagCount) int { return compareTags(a.Tag, b.Tag) })
	return all
}

// bearing visits the messages to show that bear a tag.
func (t *Threads) bearing(tag *tag) func(yield func(e *entry) bool) {
	return func(yield func(e *entry) bool) {
		for n, mark := range tag.on {
			if e := &t.entries[n]; !mark.off && e.shown() && !t.hidden(e) && !yield(e) {
				return
			}
		}
	}
}

// Tagged returns the messages to show that bear a tag.
func (t *Threads) Tagged(tag string) map[keys.MessageID]bool {
	all := make(map[keys.MessageID]bool)
	if have := t.tags[TagKey(tag)]; have != nil {
		for e := range t.bearing(have) {
			all[e.id] = true
		}
	}
	return all
}

// UnreadMessages returns the messages that are not read.
func (t *Threads) UnreadMessages() map[keys.MessageID]bool {
	all := make(map[keys.MessageID]bool)
	for i := range t.entries {
		if e := &t.entries[i]; e.shown() && !t.hidden(e) && t.isUnread(e) {
			all[e.id] = true
		}
	}
	return all
}

// threadsTagged returns the threads with a message that bears a tag.
func (t *Threads) threadsTagged(tag string) map[*thread]bool {
	all := make(map[*thread]bool)
	if have := t.tags[TagKey(tag)]; have != nil {
		for e := range t.bearing(have) {
			all[t.threadOf(e)] = true
		}
	}
	return all
}

func sortedTags(bears map[string]bool) []string {
	var all []string
	for name := range bears {
		all = append(all, name)
	}
	slices.SortFunc(all, compareTags)
	return all
}

func compareTags(a, b string) int {
	return cmp.Or(cmp.Compare(TagKey(a), TagKey(b)), cmp.Compare(a, b))
}
