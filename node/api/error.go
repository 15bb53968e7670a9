package api

import (
	"context"
	"errors"
	"fmt"
)

// Code says what kind of error it is. The list is append-only; a code that a client does not know is a failure. Each
// code has one exit status of the command line. [API-5]
type Code string

// The codes.
const (
	CodeFailed      Code = "failed"      // it was tried and did not work
	CodeUsage       Code = "usage"       // the request itself is wrong: a missing field, a malformed link
	CodeNotRunning  Code = "not_running" // no node serves the folder; made by clients only
	CodeRefused     Code = "refused"     // membership, policy, leave or a bar forbids it; nothing was changed or used up
	CodeNotFound    Code = "not_found"   // no such organization, member, message, attachment or upload
	CodeInterrupted Code = "interrupted" // the person or the caller gave up waiting; made by clients only
)

// Exit statuses of the command line.
const (
	ExitDone        = 0
	ExitFailed      = 1
	ExitUsage       = 2
	ExitNotRunning  = 3
	ExitRefused     = 4
	ExitNotFound    = 5
	ExitInterrupted = 130
)

// Exit returns the exit status of the command line that stands for c: ExitFailed for a code that it does not know.
func (c Code) Exit() int {
	switch c {
	case CodeUsage:
		return ExitUsage
	case CodeNotRunning:
		return ExitNotRunning
	case CodeRefused:
		return ExitRefused
	case CodeNotFound:
		return ExitNotFound
	case CodeInterrupted:
		return ExitInterrupted
	default:
		return ExitFailed
	}
}

// Error is an error as the API tells it: the facade returns it (wrapped or not) for a precise answer, the server
// writes it as JSON, the client returns it again. Message is one line without "error:" before it and holds no secret.
type Error struct {
	Code    Code   `json:"code"`
	Message string `json:"error"`
	Hint    string `json:"hint,omitzero"` // what to do about it, one line; may be empty
	// Reason is the kind of error, for who has words of their own for it; empty for one that nobody foresaw. Values are what the
	// message puts in, in its order. [API-71]
	Reason string   `json:"reason,omitzero"`
	Values []string `json:"values,omitempty"`
}

// Error implements error with the message alone.
func (e *Error) Error() string { return e.Message }

// Errorf returns an Error with a code and a message and no hint. The format tells the reason.
func Errorf(code Code, format string, args ...any) *Error {
	e := &Error{Code: code, Message: fmt.Sprintf(format, args...), Reason: reasons[format]}
	if e.Reason != "" {
		for _, arg := range args {
			e.Values = append(e.Values, fmt.Sprint(arg))
		}
	}
	return e
}

// WithHint returns a copy of e that says what to do about it.
func (e *Error) WithHint(format string, args ...any) *Error {
	with := *e
	with.Hint = fmt.Sprintf(format, args...)
	if with.Reason == "" {
		with.Reason = hinted[format]
	}
	return &with
}

// AsError turns any error into the one to show: the Error that err wraps, with err's whole text as the message; an
// ended context as CodeInterrupted; anything else as CodeFailed. It returns nil for nil.
func AsError(err error) *Error {
	if err == nil {
		return nil
	}
	if known, ok := errors.AsType[*Error](err); ok {
		shown := *known
		shown.Message = err.Error()
		return &shown
	}
	if errors.Is(err, context.Canceled) {
		return &Error{Code: CodeInterrupted, Message: "interrupted"}
	}
	return &Error{Code: CodeFailed, Message: err.Error()}
}
