package api

// GroupDo is what a GroupRequest does.
type GroupDo string

// What can be done about a group.
const (
	GroupCreate      GroupDo = "create"      // Name, Admission, Writers, Members (invited)
	GroupInvite      GroupDo = "invite"      // Members
	GroupJoin        GroupDo = "join"        // enters, applies, or accepts an invitation
	GroupLeave       GroupDo = "leave"       // leaves, declines an invitation, or withdraws an application
	GroupAdmit       GroupDo = "admit"       // Members: applicants; an admin admits anybody
	GroupRemove      GroupDo = "remove"      // Members: from the group, or their invitation or application
	GroupModerator   GroupDo = "moderator"   // Members are moderators from now on
	GroupNoModerator GroupDo = "nomoderator" // Members are moderators no more
	GroupEdit        GroupDo = "edit"        // Name, Admission, Writers: what is given changes
	GroupClose       GroupDo = "close"       // for good
)

// GroupRequest changes a group. What is so already is no error.
type GroupRequest struct {
	Org       string       `json:"org,omitzero"`
	Do        GroupDo      `json:"do"`
	Group     string       `json:"group,omitzero"`     // name, name@org or id; not to create one
	Name      string       `json:"name,omitzero"`      // of a new group, or its new name
	Admission string       `json:"admission,omitzero"` // open, moderated or invited; a new group is invited unless it says so
	Writers   string       `json:"writers,omitzero"`   // everybody or moderators; a new group's are everybody unless it says so
	Members   List[string] `json:"members"`            // names or ids
}

// GroupResult is a group as it is now.
type GroupResult struct {
	Group   Group `json:"group"`
	Already bool  `json:"already"` // nothing was to be done
}

// GroupsQuery asks for the groups of an organization or of all.
type GroupsQuery struct {
	Org string `json:"org,omitzero"`
	All bool   `json:"all,omitzero"` // also those that one has nothing to do with, and closed ones
}

// GroupQuery asks for one group.
type GroupQuery struct {
	Org   string `json:"org,omitzero"`
	Group string `json:"group"`
}

// Group is a group as this account sees it. [API-22]
type Group struct {
	Org          string `json:"org"`
	OrgName      string `json:"org_name"`
	Group        string `json:"group"` // id
	Name         string `json:"name"`
	Conversation string `json:"conversation"`
	Admission    string `json:"admission"`
	Writers      string `json:"writers"`
	Listed       bool   `json:"listed"` // everybody sees it; else only who is in it, is invited, or has applied, and admins
	Closed       bool   `json:"closed"`
	Standing     string `json:"standing"` // of this account: moderator, member, invited, applied or none
	MayWrite     bool   `json:"may_write"`
	Archived     bool   `json:"archived,omitzero"` // what is written there goes to the organization's archive

	Members List[GroupMember] `json:"members"`
	Invited List[Person]      `json:"invited"`
	Applied List[Person]      `json:"applied"`
}

// GroupMember is a member of a group.
type GroupMember struct {
	Member    string `json:"member"`
	Name      string `json:"name"`
	Moderator bool   `json:"moderator"`
}

// TalkDo is what a TalkRequest does.
type TalkDo string

// What can be done about a conversation of several.
const (
	TalkJoin  TalkDo = "join"  // let everybody in it write here
	TalkLeave TalkDo = "leave" // hear no more of it
	TalkAdd   TalkDo = "add"   // go on with one more member
)

// TalkRequest takes part in a conversation of several members, leaves it, or goes on with more of them. [API-23]
type TalkRequest struct {
	Org     string       `json:"org,omitzero"`
	Do      TalkDo       `json:"do"`
	ID      string       `json:"id"`            // a message of it, or the conversation
	Members List[string] `json:"members"`       // to add
	Text    string       `json:"text,omitzero"` // why, for all who are in it then
}

// TalkResult is the conversation as it is now.
type TalkResult struct {
	Org          string            `json:"org"`
	Conversation string            `json:"conversation"`
	Joined       bool              `json:"joined"`
	Already      bool              `json:"already"`
	Members      List[TalkMember]  `json:"members"`
	Sent         List[Recipient]   `json:"sent"` // of the note to a larger conversation
	Refused      List[Undelivered] `json:"refused"`
	Message      string            `json:"message,omitzero"` // its id
}

// TalkMember is a member of a conversation, and whether they take part as far as is known here.
type TalkMember struct {
	Member string `json:"member"`
	Name   string `json:"name"`
	Part   string `json:"part"` // joined, left or unknown
}
