package web

// section is a line of an organization's navigation.
type section struct {
	Title   string // key of its words
	Address string
	Also    string // address of another page that belongs there
	Key     string // of the keyboard, empty if it has none
	Count   int    // what waits there
	Here    bool
	Begins  bool // a part: what is about messages, people, this device, the organization
}

// Sections are the parts of the organization that the page is in.
func (v *visit) Sections() []section {
	all := []section{
		{Title: "inbox.title", Address: v.In(""), Key: "i", Count: v.Org.Unread},
		{Title: "drafts.title", Address: v.In("drafts")},
		{Title: "search.title", Address: v.In("search"), Key: "/"},
		{Title: "requests.title", Address: v.In("requests"), Key: "q", Count: v.Org.Requests},
		{Title: "people.title", Address: v.In("people"), Also: v.In("nearby"), Key: "g", Begins: true},
	}
	if v.Org.Role != "guest" { // who is in no group, and shows no presence
		all = append(all,
			section{Title: "groups.title", Address: v.In("groups"), Key: "o"},
			section{Title: "presence.title", Address: v.In("presence")})
	}
	all = append(all, section{Title: "around.title", Address: v.In("around")})
	all = append(all,
		section{Title: "devices.title", Address: v.In("devices"), Key: "d", Begins: true},
		section{Title: "lock.keys", Address: v.In("keys"), Also: v.In("lock")},
		section{Title: "alarms.title", Address: v.In("safety")},
		section{Title: "backup.title", Address: v.In("backup")},
		section{Title: "bundles.title", Address: v.In("bundles")},
		section{Title: "settings.title", Address: v.In("settings")})
	all = append(all, section{Title: "look.title", Address: v.In("look")})
	switch v.Org.Role {
	case "admin":
		all = append(all, section{Title: "admin.title", Address: v.In("admin") + "/", Key: "a", Begins: true}, section{Title: "skin.title", Address: v.In("admin", "skin")})
	case "member", "desk":
		all = append(all, section{Title: "admin.about", Address: v.In("admin") + "/", Begins: true})
	}
	best, length := -1, 0
	for i, s := range all {
		for _, address := range []string{s.Address, s.Also} {
			if address != "" && v.Here(address) && len(address) > length {
				best, length = i, len(address)
			}
		}
	}
	if best >= 0 {
		all[best].Here = true
	}
	return all
}
