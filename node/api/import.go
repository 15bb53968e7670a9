package api

// ImportRequest says where mail goes that is taken in as history: an mbox file, or a single mail.
type ImportRequest struct {
	Org string `json:"org,omitzero"` // name or id; needed only where there is more than one
	As  string `json:"as,omitzero"`  // a tag for what comes in; empty: none
}

// ImportResult says what came in of one file. Mails is the sum of Imported, Already and Damaged.
type ImportResult struct {
	Mails       int                 `json:"mails"`
	Imported    int                 `json:"imported"`
	Already     int                 `json:"already"` // that were imported before
	Damaged     int                 `json:"damaged"` // that could not be taken
	Whole       int                 `json:"whole"`   // of those imported, what could not be read in part, and so came with the mail itself as a file
	Attachments int                 `json:"attachments"`
	Problems    List[ImportProblem] `json:"problems"` // the first MaxProblems of Damaged and Whole
}

// MaxProblems is how many mails are named that were not read whole.
const MaxProblems = 100

// ImportProblem is a mail that could not be taken, or not be read in part.
type ImportProblem struct {
	Mail    int    `json:"mail"` // its number in the file, from 1
	Subject string `json:"subject,omitzero"`
	Why     string `json:"why"`
}

// Imported is what a mail said of itself that was imported. All of it is text that anybody can have written: nothing is proven, and
// nobody named in it is a member.
type Imported struct {
	From      string `json:"from"`
	To        string `json:"to,omitzero"`
	Cc        string `json:"cc,omitzero"`
	MessageID string `json:"message_id,omitzero"`
	Labels    string `json:"labels,omitzero"` // apart by ", "
}
