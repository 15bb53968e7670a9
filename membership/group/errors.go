package group

import "errors"

// Why an act is refused. Nothing has changed then.
var (
	// ErrModerator means that this takes a moderator of the group, or an admin.
	ErrModerator = errors.New("group: only a moderator does this")
	// ErrLastModerator means that the group would be left without a moderator.
	ErrLastModerator = errors.New("group: name another moderator first")
	// ErrClosed means that the group is closed, or that its creation counts no more.
	ErrClosed = errors.New("group: the group is closed")
	// ErrNotInvited means that nobody enters the group who was not invited.
	ErrNotInvited = errors.New("group: the group is by invitation")
	// ErrUnknown means that the act is about somebody who is not in the group, or not in the way that it asks for.
	ErrUnknown = errors.New("group: the member is not in the group")
	// ErrAlready means that it is so already.
	ErrAlready = errors.New("group: it is so already")
	// ErrLimit means that the group has as many people as it may have.
	ErrLimit = errors.New("group: the group can hold no more")
)
