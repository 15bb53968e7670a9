package bucket

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"

	"muster.example/rendezvous/archive/storage"
)

// versions is what a bucket has under one name.
type versions struct {
	name   string // with the prefix
	first  string // the id of the oldest version, "" if there is none
	size   int64  // of it
	time   time.Time
	last   string // the id of the version that was listed last
	count  int
	marked bool // somebody marked the name as deleted
}

// add takes the next version of a listing, which has the newest first. Some servers repeat one at the start of a page.
func (v *versions) add(info minio.ObjectInfo) {
	if v.last == info.VersionID {
		return
	}
	v.last = info.VersionID
	v.count++
	if v.first == "" || !info.LastModified.After(v.time) {
		v.first, v.size, v.time = info.VersionID, info.Size, info.LastModified
	}
}

// object returns what is shown of it.
func (v *versions) object(prefix string) storage.Object {
	o := storage.Object{Name: strings.TrimPrefix(v.name, prefix), Size: v.size}
	var touched []string
	if v.count > 1 {
		touched = append(touched, fmt.Sprintf("%d later versions were put over it", v.count-1))
	}
	if v.marked {
		touched = append(touched, "it was marked as deleted")
	}
	if v.count == 0 {
		touched = append(touched, "and nothing is left of it")
	}
	o.Touched = strings.Join(touched, ", ")
	return o
}

// listing makes objects of a listing of versions. These come in the order of their names. Marks of deletion come with the
// versions of their name, or ahead of them at the start of a page.
type listing struct {
	after, prefix string
	visit         func(storage.Object) error
	held          versions
	marks         []string // names that come later
}

func (l *listing) add(info minio.ObjectInfo) error {
	if info.IsDeleteMarker {
		if info.Key == l.held.name {
			l.held.marked = true
		} else {
			l.marks = append(l.marks, info.Key)
		}
		return nil
	}
	if info.Key != l.held.name {
		if err := l.show(); err != nil {
			return err
		}
		if err := l.bare(info.Key); err != nil {
			return err
		}
		l.held = versions{name: info.Key, marked: slices.Contains(l.marks, info.Key)}
	}
	l.held.add(info)
	return nil
}

// show shows what is held.
func (l *listing) show() error {
	if l.held.count == 0 || l.held.name <= l.after {
		return nil
	}
	return l.visit(l.held.object(l.prefix))
}

// bare shows the names before another that have a mark of deletion and nothing else; all of them if the other is "".
func (l *listing) bare(before string) error {
	slices.Sort(l.marks)
	l.marks = slices.Compact(l.marks)
	for len(l.marks) > 0 && (before == "" || l.marks[0] < before) {
		v := versions{name: l.marks[0], marked: true}
		l.marks = l.marks[1:]
		if v.name == l.held.name || v.name <= l.after {
			continue
		}
		if err := l.visit(v.object(l.prefix)); err != nil {
			return err
		}
	}
	return nil
}

func (l *listing) end() error {
	if err := l.show(); err != nil {
		return err
	}
	return l.bare("")
}
