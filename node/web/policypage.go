package web

import (
	"slices"
	"strings"

	"muster.example/node/api"
)

// policyScreen is the policy, and for admins a form to change it.
type policyScreen struct {
	Contact []contactRow  // who may begin to write to whom
	Invite  []inviteRow   // who may invite
	Others  []policyField // the rest, in the node's order
	Roles   []string
}

// contactRow is how one role begins to write to the others.
type contactRow struct {
	Role  string
	Cells []policyField // in the order of the roles
}

// inviteRow is for whom one role may invite.
type inviteRow struct {
	Role  string
	Cells []policyField // Value is on or empty
}

// policyField is a setting with its field.
type policyField struct {
	Key, Value, About string
	Kind              string // text, list, names, or a choice of Options
	Options           []string
	Least, Most       string // of a number, empty if it has no bounds
	Role              string // of a cell: the role in the head of its column
	Pattern           string // of names
	Ticked            []string
}

// plan is a change of the policy before it is signed.
type plan struct {
	Changes []api.PolicyChange
	Set     []string // KEY=VALUE, of what changes
}

var contactWays = []string{"free", "introduction", "refused"}

func policyPage(v *visit) (answer, error) {
	s, err := v.readPolicy()
	if err != nil {
		return answer{}, err
	}
	return show("policy", "admin.policy", s)
}

// readPolicy lays out the policy for the page.
func (v *visit) readPolicy() (policyScreen, error) {
	result, err := v.backend().Policy(v.ctx(), api.AdminQuery{Org: v.Org.Org})
	s := policyScreen{Roles: memberRoles}
	if err != nil {
		return s, err
	}
	contacts := make(map[string]*contactRow)
	for _, role := range memberRoles {
		contacts[role] = &contactRow{Role: role}
	}
	for _, setting := range result.Settings {
		parts := strings.Split(setting.Key, ".")
		switch {
		case len(parts) == 3 && parts[0] == "contact" && contacts[parts[1]] != nil:
			field := policyField{Key: setting.Key, Value: setting.Value, Kind: "choice", Options: contactWays, Role: parts[2]}
			if parts[1] == "guest" && parts[2] != "desk" { // guests write to desks only
				field.Options = []string{"refused"}
			}
			contacts[parts[1]].Cells = append(contacts[parts[1]].Cells, field)
		case len(parts) == 2 && parts[0] == "invite":
			s.Invite = append(s.Invite, inviteRow{parts[1], inviteCells(setting, parts[1])})
		default:
			s.Others = append(s.Others, fieldOf(setting))
		}
	}
	for _, role := range memberRoles {
		if row := contacts[role]; len(row.Cells) > 0 {
			s.Contact = append(s.Contact, *row)
		}
	}
	return s, nil
}

// inviteCells are the boxes of a role: for whom it may invite. Only admins invite admins.
func inviteCells(setting api.PolicySetting, inviter string) (cells []policyField) {
	given := strings.Split(setting.Value, ",")
	for _, role := range memberRoles {
		cell := policyField{Key: setting.Key, Role: role, Kind: "box"}
		if slices.Contains(given, role) {
			cell.Value = "on"
		}
		if role == "admin" && inviter != "admin" {
			cell.Kind = "never"
		}
		cells = append(cells, cell)
	}
	return cells
}

// fieldOf chooses the field for a setting by what its description says of its form: the node knows what it takes.
func fieldOf(setting api.PolicySetting) policyField {
	field := policyField{Key: setting.Key, Value: setting.Value, About: setting.About, Kind: "text"}
	switch {
	case setting.Key == "names":
		field.Kind, field.Options = "names", []string{"free", "approved", "pattern", "claim"}
		if pattern, ok := strings.CutPrefix(setting.Value, "pattern:"); ok {
			field.Value, field.Pattern = "pattern", pattern
		}
	case setting.Key == "groups":
		field.Kind, field.Options = "list", []string{"admin", "member", "desk"}
		field.Ticked = strings.Split(setting.Value, ",")
	case setting.Key == "direct":
		field.Kind, field.Options = "choice", []string{"anywhere", "local", "never"}
	case strings.HasSuffix(setting.About, ": allowed, refused"):
		field.Kind, field.Options = "choice", []string{"allowed", "refused"}
	default:
		bounds := setting.About[strings.LastIndex(setting.About, ": ")+1:]
		if least, most, ok := strings.Cut(bounds, " to "); ok && len(bounds) < len(setting.About) {
			field.Least, field.Most = strings.TrimSpace(least), strings.TrimSpace(most)
		}
	}
	return field
}

// Ticks reports whether a list holds a value.
func (f policyField) Ticks(value string) bool { return slices.Contains(f.Ticked, value) }

// setPolicy shows what a filled-in policy would change, and then has that signed.
func setPolicy(v *visit) (answer, error) {
	f, err := v.form()
	if err != nil {
		return answer{}, err
	}
	request := api.PolicyRequest{Org: v.Org.Org, RootWords: f.rootWords(), Check: !f.on("sure")}
	if request.Check {
		s, err := v.readPolicy()
		if err != nil {
			return answer{}, err
		}
		request.Set = s.changed(f)
	} else {
		request.Set = f.all("set")
	}
	if len(request.Set) == 0 {
		return v.again(api.Errorf(api.CodeUsage, "nothing was changed"), policyPage)
	}
	if request.Check {
		a, err := v.plan(request)
		if err != nil {
			return v.again(err, policyPage)
		}
		return a, nil
	}
	if _, err = v.backend().SetPolicy(v.ctx(), request); err != nil {
		request.Check, request.RootWords = true, ""
		return v.again(err, func(v *visit) (answer, error) { return v.plan(request) })
	}
	return goOn(v.In("admin", "policy"), "policy.done")
}

// plan shows what a request would change.
func (v *visit) plan(request api.PolicyRequest) (answer, error) {
	result, err := v.backend().SetPolicy(v.ctx(), request)
	switch {
	case err != nil:
		return answer{}, err
	case result.Already:
		return answer{}, api.Errorf(api.CodeUsage, "nothing was changed")
	}
	return show("policyplan", "policy.preview", plan{result.Changes, request.Set})
}

// changed are the settings that the form holds otherwise than they are now. What it does not hold stays as it is.
func (s policyScreen) changed(f form) (set []string) {
	put := func(key, before, now string) {
		if f.r.PostForm.Has(key) && now != before {
			set = append(set, key+"="+now)
		}
	}
	for _, row := range s.Contact {
		for _, cell := range row.Cells {
			put(cell.Key, cell.Value, f.text(cell.Key))
		}
	}
	for _, row := range s.Invite {
		var before []string
		for _, cell := range row.Cells {
			if cell.Value != "" {
				before = append(before, cell.Role)
			}
		}
		key := row.Cells[0].Key
		put(key, listed(before), listed(f.all(key)))
	}
	for _, field := range s.Others {
		switch field.Kind {
		case "names":
			now, before := f.text(field.Key), field.Value
			if now == "pattern" {
				now += ":" + f.text("names.pattern")
			}
			if before == "pattern" {
				before += ":" + field.Pattern
			}
			put(field.Key, before, now)
		case "list":
			put(field.Key, listed(field.Ticked), listed(f.all(field.Key)))
		default:
			put(field.Key, field.Value, f.text(field.Key))
		}
	}
	return set
}

// listed writes a list of roles as a policy has it. A form sends none along with the boxes, so that an empty list comes too.
func listed(roles []string) string {
	roles = slices.DeleteFunc(slices.Clone(roles), func(role string) bool { return role == "none" || role == "" })
	if len(roles) == 0 {
		return "none"
	}
	return strings.Join(roles, ",")
}
