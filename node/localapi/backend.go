package localapi

import (
	"context"
	"io"

	"muster.example/node/api"
)

// Backend is what the server serves: the facade of a device node. It is as large as the API, one method a route; it
// is an interface so that the server is tested without a node.
//
// All methods may be called at the same time from many goroutines. Each returns soon after its context ends. An error
// that is or wraps an *api.Error is told with its code and hint; any other is api.CodeFailed with its text, so no
// error's text may hold a secret or a path outside the node's folder. Requests come as the client wrote them: only
// their JSON form, their size and their UTF-8 have been checked.
type Backend interface {
	AdminBackend
	ActBackend
	BackupBackend
	ContactBackend
	DraftBackend
	GroupBackend
	LockBackend
	ThreadBackend
	UploadBackend

	PresenceBackend
	SkinBackend
	ArchiveBackend
	SearchBackend
	RetentionBackend
	LinkBackend
	ExportBackend
	ImportBackend
	BundleBackend
	AroundBackend

	// Status tells what the node is and whom it reaches. It is cheap: scripts poll it.
	Status(ctx context.Context) (api.StatusResult, error)

	// CreateOrg founds an organization. It returns when the organization is usable by the next request.
	CreateOrg(ctx context.Context, request api.CreateOrgRequest) (api.CreateOrgResult, error)
	// Orgs lists the organizations that the node is in, by name.
	Orgs(ctx context.Context) ([]api.OrgSummary, error)
	// Invite makes an invitation that can be used at once.
	Invite(ctx context.Context, request api.InviteRequest) (api.InviteResult, error)
	// Join joins an organization. It returns when the membership is usable by the next request.
	Join(ctx context.Context, request api.JoinRequest) (api.JoinResult, error)
	// BeginSSO begins a joining by a login, and says where the person logs in.
	BeginSSO(ctx context.Context, request api.SSORequest) (api.SSOLogin, error)
	// FinishSSO waits for the login, and joins. It returns when the membership is usable by the next request.
	FinishSSO(ctx context.Context, request api.SSOFinishRequest) (api.SSOResult, error)

	// Devices lists the own account in each organization, with its devices.
	Devices(ctx context.Context, query api.DevicesQuery) ([]api.Account, error)
	// Bar bars devices of the own account, or only says what that would do.
	Bar(ctx context.Context, request api.BarRequest) (api.BarResult, error)
	// GiveUp ends a joining that waits, or that cannot succeed any more, and answers with how it stood.
	GiveUp(ctx context.Context, request api.GiveUpRequest) (api.Candidacy, error)
	// MeetToInvite shows a code by which somebody nearby gets an invitation; MeetToExchange one to exchange cards by. An earlier
	// one is void.
	MeetToInvite(ctx context.Context, request api.InviteRequest) (api.MeetingCode, error)
	MeetToExchange(ctx context.Context, request api.CardRequest) (api.MeetingCode, error)
	// VisitMeeting looks for who shows a code. Meeting tells what comes of it.
	VisitMeeting(ctx context.Context, request api.VisitRequest) (api.Meeting, error)
	// Meeting tells how far the meeting is. It waits up to 20 seconds for a version after that of the query.
	Meeting(ctx context.Context, query api.MeetingQuery) (api.Meeting, error)
	// AnswerMeeting says yes to what is asked, or ends the meeting.
	AnswerMeeting(ctx context.Context, request api.AnswerRequest) (api.AnswerResult, error)
	// AddDevice makes a code with which another device is added to the account. An earlier one is void.
	AddDevice(ctx context.Context, request api.AddDeviceRequest) (api.AddDeviceResult, error)
	// Pair begins to make this device one of an account. Pairing tells what comes of it.
	Pair(ctx context.Context, request api.PairRequest) (api.Pairing, error)
	// Pairing tells how far the pairing is. It waits up to 20 seconds for a version after that of the query.
	Pairing(ctx context.Context, query api.PairingQuery) (api.Pairing, error)
	// ConfirmPairing says yes to the words that both screens show, or ends the pairing.
	ConfirmPairing(ctx context.Context, request api.ConfirmRequest) (api.Pairing, error)
	// Restore begins to bring back what a backup holds. Restoring tells what comes of it.
	Restore(ctx context.Context, request api.RestoreRequest) (api.Restore, error)
	// Restoring tells how far the restore is. It waits up to 20 seconds for a version after that of the query.
	Restoring(ctx context.Context, query api.RestoreQuery) (api.Restore, error)
	// Freeze freezes the own account, or ends that.
	Freeze(ctx context.Context, request api.FreezeRequest) (api.FreezeResult, error)
	// Refuse refuses a re-admission of the own account.
	Refuse(ctx context.Context, request api.RefuseRequest) (api.RefuseResult, error)
	// Wiper chooses whose bar may have this device remove its data.
	Wiper(ctx context.Context, request api.WiperRequest) (api.WiperResult, error)
	// Recover uses the recovery words on a device of the account.
	Recover(ctx context.Context, request api.RecoverRequest) (api.RecoverResult, error)
	// MakeWords makes new recovery words, and keeps them nowhere.
	MakeWords(ctx context.Context, request api.WordsRequest) (api.WordsResult, error)
	// Return makes this computer a device of an account again. It returns when the account is usable by the next request.
	Return(ctx context.Context, request api.ReturnRequest) (api.ReturnResult, error)
	// Lost makes a request for re-admission, and waits for it in the background.
	Lost(ctx context.Context, request api.LostRequest) (api.LostResult, error)
	// Card returns the card to keep beside the recovery words.
	Card(ctx context.Context, query api.DevicesQuery) (api.CardResult, error)

	// Introduce sends an introduction, or nothing to an acquaintance.
	Introduce(ctx context.Context, request api.IntroduceRequest) (api.IntroduceResult, error)
	// Accept lets a member write. It returns when the next message can be sent.
	Accept(ctx context.Context, request api.AcceptRequest) (api.AcceptResult, error)
	// Contacts lists contacts by organization and name.
	Contacts(ctx context.Context, query api.ContactsQuery) ([]api.Contact, error)

	// Upload takes in a file for a message to come, reading r to its end. It reads at its own pace and refuses what
	// is too large; on an error of r (wrapped) or of its own it keeps nothing. name is a file name, not a path.
	Upload(ctx context.Context, name string, r io.Reader) (api.Upload, error)
	// Send saves a message and sends it.
	Send(ctx context.Context, request api.SendRequest) (api.SendResult, error)
	// SendAgain sends an own message once more to those who did not get it.
	SendAgain(ctx context.Context, request api.AgainRequest) (api.SendResult, error)
	// Inbox lists a page of received messages and introductions, oldest first.
	Inbox(ctx context.Context, query api.InboxQuery) (api.InboxPage, error)
	// Read returns one message and marks it read.
	Read(ctx context.Context, request api.ReadRequest) (api.Message, error)
	// Attachment opens a file of a message, by its place from 0. The reader yields exactly Size bytes or an error;
	// the caller closes it.
	Attachment(ctx context.Context, messageID string, index int) (api.Attachment, io.ReadCloser, error)

	// Watch returns what happens from the time it returns, in order, until ctx ends; then the channel is closed.
	// The backend never waits for a watcher: each has a buffer of at most WatchBuffer events, and a watcher whose
	// buffer is full is given up: its channel is closed though ctx has not ended. The server then tells the client
	// that it lagged. An api.EventReady is the server's to send, not the backend's.
	Watch(ctx context.Context, query api.WatchQuery) (<-chan api.Event, error)
}
