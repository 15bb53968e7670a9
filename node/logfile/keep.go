package logfile

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"reflect"
	"strings"
	"syscall"
)

// ids are the names of values of which the beginning is kept if they look like ids; words those that are kept if they are a
// word or two of the program's own, such as a kind.
var (
	ids   = map[string]bool{"org": true, "organization": true, "device": true, "member": true, "peer": true, "to": true, "sender": true, "node": true, "conversation": true, "by": true}
	words = map[string]bool{"kind": true, "reason": true, "state": true, "status": true, "standing": true, "code": true, "template": true}
)

// withheld stands for a value that is not kept.
const withheld = "-"

// keep returns what is kept of a value. What it does not know is withheld.
func keep(a slog.Attr) slog.Attr {
	value := a.Value.Resolve()
	switch value.Kind() {
	case slog.KindBool, slog.KindInt64, slog.KindUint64, slog.KindFloat64, slog.KindDuration, slog.KindTime:
		return slog.Attr{Key: a.Key, Value: value}
	case slog.KindGroup:
		var kept []any
		for _, inner := range value.Group() {
			kept = append(kept, keep(inner))
		}
		return slog.Group(a.Key, kept...)
	}
	if err, ok := value.Any().(error); ok {
		return slog.String(a.Key, causes(err))
	}
	if number(value.Any()) && !words[a.Key] {
		return slog.Any(a.Key, value.Any())
	}
	return slog.String(a.Key, keepText(a.Key, value.String()))
}

// number reports whether a value is one of a numeric type without a text of its own.
func number(value any) bool {
	if _, speaks := value.(fmt.Stringer); speaks || value == nil {
		return false
	}
	kind := reflect.TypeOf(value).Kind()
	return kind >= reflect.Int && kind <= reflect.Float64
}

func keepText(key, text string) string {
	switch {
	case ids[key] && text != "" && only(text, "…"):
		return string([]rune(text)[:min(maxID, len([]rune(text)))])
	case words[key] && len(text) <= maxWord && only(text, " -_"):
		return text
	case key == "version" && len(text) <= maxWord && only(text, ".-+~"):
		return text
	}
	return withheld
}

// only reports whether text is of ASCII letters, digits and what else is named.
func only(text, others string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune(others, r)
	})
}

// constant are errors whose texts are the same on every machine and for everybody.
var constant = []error{
	context.DeadlineExceeded, context.Canceled, io.EOF, io.ErrUnexpectedEOF, io.ErrClosedPipe, net.ErrClosed,
	fs.ErrNotExist, fs.ErrPermission, fs.ErrExist, fs.ErrClosed, os.ErrDeadlineExceeded,
}

// causes returns what errors lie at the bottom of one, as far as their texts are known not to be about anybody: numbers of the
// system, the standard library's own, and constants made by errors.New, with no digit and no mark in them that a name, an
// address or a path could bring. The texts around them name peers, paths and people, and are left out.
func causes(err error) string {
	var found []string
	var visit func(err error, depth int)
	visit = func(err error, depth int) {
		if err == nil || depth > maxDepth || len(found) == maxCauses {
			return
		}
		switch wrapped := err.(type) {
		case interface{ Unwrap() []error }:
			for _, inner := range wrapped.Unwrap() {
				visit(inner, depth+1)
			}
			return
		case interface{ Unwrap() error }:
			if inner := wrapped.Unwrap(); inner != nil {
				visit(inner, depth+1)
				return
			}
		}
		if text := bottom(err); text != "" && !contains(found, text) {
			found = append(found, text)
		}
	}
	visit(err, 0)
	if len(found) == 0 {
		return withheld
	}
	return strings.Join(found, "; ")
}

// plainError is the type of what errors.New returns.
var plainError = reflect.TypeOf(errors.New(""))

func bottom(err error) string {
	for _, known := range constant {
		if err == known {
			return known.Error()
		}
	}
	if number, ok := err.(syscall.Errno); ok {
		return number.Error()
	}
	var timeout net.Error
	switch text := err.Error(); {
	case reflect.TypeOf(err) == plainError && len(text) <= 2*maxWord && letters(text):
		return text
	case errors.As(err, &timeout) && timeout.Timeout():
		return "timeout"
	}
	return ""
}

// letters reports whether text is in lower-case words: sentinels are, and names are not.
func letters(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool { return (r < 'a' || r > 'z') && !strings.ContainsRune(" ,'-", r) })
}

func contains(all []string, one string) bool {
	for _, text := range all {
		if text == one {
			return true
		}
	}
	return false
}
