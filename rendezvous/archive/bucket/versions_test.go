package bucket

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/minio/minio-go/v7"

	"muster.example/rendezvous/archive/storage"
)

// Servers put marks of deletion among the versions of a name, or at the start of a page, and some repeat a version where a
// page begins. It makes no difference. [ARC-47]
func TestListingsOfServers(t *testing.T) {
	at := time.Unix(1000, 0)
	version := func(key, id string, size int64, age time.Duration) minio.ObjectInfo {
		return minio.ObjectInfo{Key: key, VersionID: id, Size: size, LastModified: at.Add(age)}
	}
	mark := func(key string) minio.ObjectInfo {
		return minio.ObjectInfo{Key: key, VersionID: "m" + key, IsDeleteMarker: true}
	}
	later, first := version("p/a", "2", 20, time.Second), version("p/a", "1", 10, 0)
	b, d := version("p/b", "3", 30, 0), version("p/d", "4", 40, 0)
	want := []string{"a 10 1 later versions were put over it", "b 30 it was marked as deleted", "c 0 it was marked as deleted, and nothing is left of it", "d 40 ", "e 0 it was marked as deleted, and nothing is left of it"}
	for name, list := range map[string][]minio.ObjectInfo{
		"among them":       {later, first, mark("p/b"), b, mark("p/c"), d, mark("p/e")},
		"ahead":            {mark("p/b"), mark("p/c"), mark("p/e"), later, first, b, d},
		"ahead, unsorted":  {mark("p/e"), mark("p/c"), mark("p/b"), later, first, b, d},
		"a version twice":  {later, later, first, first, mark("p/b"), b, b, mark("p/c"), d, mark("p/e")},
		"behind":           {later, first, b, mark("p/b"), mark("p/c"), d, mark("p/e")},
		"marked twice":     {later, first, mark("p/b"), mark("p/b"), b, mark("p/c"), mark("p/c"), d, mark("p/e")},
		"of the same time": {version("p/a", "2", 20, 0), first, mark("p/b"), b, mark("p/c"), d, mark("p/e")},
	} {
		var got []string
		l := listing{prefix: "p/", visit: func(o storage.Object) error {
			got = append(got, fmt.Sprintf("%s %d %s", o.Name, o.Size, o.Touched))
			return nil
		}}
		for _, info := range list {
			if err := l.add(info); err != nil {
				t.Fatal(err)
			}
		}
		if err := l.end(); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}
