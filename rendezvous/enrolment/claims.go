package enrolment

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"muster.example/membership"
	"muster.example/rendezvous/enrolproto"
)

// claims are what a provider says of somebody: of the token, and of the page about the user.
type claims map[string]any

// get returns a claim by its name, or by a path of names with dots between them.
func (c claims) get(name string) any {
	if value, there := c[name]; there {
		return value
	}
	var at any = map[string]any(c)
	for part := range strings.SplitSeq(name, ".") {
		inner, ok := at.(map[string]any)
		if !ok {
			return nil
		}
		at = inner[part]
	}
	return at
}

// text returns a claim that is a text, "" for any other.
func (c claims) text(name string) string {
	text, _ := c.get(name).(string)
	return text
}

// verifiedEmail reports whether the provider has verified the address that it names.
func (c claims) verifiedEmail() bool {
	switch verified := c["email_verified"].(type) {
	case bool:
		return verified
	case string:
		return verified == "true"
	}
	return false
}

// Match is a claim that has, or holds, a value.
type Match struct{ Claim, Value string }

// ParseMatch reads CLAIM=VALUE.
func ParseMatch(text string) (Match, error) {
	claim, value, ok := strings.Cut(text, "=")
	if !ok || claim == "" || value == "" {
		return Match{}, fmt.Errorf("%q is not CLAIM=VALUE", text)
	}
	return Match{claim, value}, nil
}

// holds reports whether claims match. An address that the provider has not verified matches nothing. [ENR-26]
func (m Match) holds(c claims) bool {
	if m.Claim == "email" && !c.verifiedEmail() {
		return false
	}
	switch value := c.get(m.Claim).(type) {
	case []any:
		return slices.ContainsFunc(value, func(one any) bool { return plain(one) == m.Value })
	case nil:
		return false
	default:
		return plain(value) == m.Value
	}
}

func plain(value any) string {
	switch value := value.(type) {
	case string:
		return value
	case bool:
		return strconv.FormatBool(value)
	case float64:
		return strconv.FormatFloat(value, 'f', -1, 64)
	}
	return ""
}

// GroupRule takes those who match into a listed group.
type GroupRule struct {
	Match
	Group string // its name
}

// ParseGroupRule reads CLAIM=VALUE:GROUP.
func ParseGroupRule(text string) (GroupRule, error) {
	at := strings.LastIndexByte(text, ':')
	if at < 0 || at == len(text)-1 {
		return GroupRule{}, fmt.Errorf("%q is not CLAIM=VALUE:GROUP", text)
	}
	match, err := ParseMatch(text[:at])
	return GroupRule{match, text[at+1:]}, err
}

// Rules are how claims become leave, roles and groups.
type Rules struct {
	Require []Match     // all of them, or nobody joins
	Desk    []Match     // any of them: a desk, if the terms let
	Groups  []GroupRule // any of a group's
}

// allow reports whether claims are of somebody who may be in.
func (r Rules) allow(c claims) bool {
	return !slices.ContainsFunc(r.Require, func(m Match) bool { return !m.holds(c) })
}

// role returns the role for claims, within the terms.
func (r Rules) role(c claims, terms membership.EnrolmentTerms) membership.Role {
	if terms.Role == membership.RoleDesk && slices.ContainsFunc(r.Desk, func(m Match) bool { return m.holds(c) }) {
		return membership.RoleDesk
	}
	return membership.RoleMember
}

// groups returns the names of the groups for claims.
func (r Rules) groups(c claims) (names []string) {
	for _, rule := range r.Groups {
		if rule.holds(c) && !slices.Contains(names, rule.Group) {
			names = append(names, rule.Group)
		}
	}
	return names
}

// nameOf returns under which name somebody joins: that of the claim that the terms name, of an e-mail address what stands
// before the @ and only if it was verified; without a claim the one that the person chose. [ENR-26]
func nameOf(c claims, terms membership.EnrolmentTerms, chosen string) (string, enrolproto.Status) {
	if terms.Claim == "" {
		if chosen == "" {
			return "", enrolproto.NameMissing
		}
		return chosen, enrolproto.OK
	}
	name := c.text(terms.Claim)
	if terms.Claim == "email" {
		if !c.verifiedEmail() {
			return "", enrolproto.NotAllowed
		}
		name, _, _ = strings.Cut(name, "@")
	}
	if membership.CheckName(name) != nil {
		return "", enrolproto.NoName
	}
	return name, enrolproto.OK
}
