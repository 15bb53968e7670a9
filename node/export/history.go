package export

import (
	"context"
	"io"

	"muster.example/node/api"
)

// History is what is exported. What changes while it is read may be in it or not.
type History interface {
	// Conversations returns what there is to export, in the order to write it in.
	Conversations() []Conversation
	// Messages visits the messages of a conversation, oldest first.
	Messages(ctx context.Context, conversation string, visit func(Message) error) error
	// Open opens a file of a message. The reader yields exactly its size, or an error.
	Open(ctx context.Context, message Message, index int) (io.ReadCloser, error)
}

// Conversation is where messages were said.
type Conversation struct {
	Org      string       // id
	OrgName  string       //
	ID       string       //
	Title    string       // the names of the others, or of the group
	People   []api.Person // the others; of a group none
	Group    *api.GroupName
	Messages int // about how many
}

// Message is a message as it is shown, with what is known of its files.
type Message struct {
	api.Message
	Files []File // as Attachments
}

// File is a file of a message.
type File struct {
	Name   string // as its author called it
	Size   int64  // bytes
	SHA256 [32]byte
	Here   bool // all of it
}

// Folder takes files, one after the other.
type Folder interface {
	// Create begins a file, and ends the one before. The name is of plain names with slashes between them; one with a slash behind it
	// is an empty folder's.
	Create(name string) (io.Writer, error)
	// Close ends the last file, and says that nothing is missing.
	Close() error
}
