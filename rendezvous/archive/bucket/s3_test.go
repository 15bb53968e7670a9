//go:build s3

package bucket_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"

	"muster.example/rendezvous/archive/bucket"
	"muster.example/rendezvous/archive/storage"
	"muster.example/rendezvous/archive/storage/storagetest"
)

func TestS3Bucket(t *testing.T) {
	s := startServer(t)
	count := 0
	storagetest.Run(t, func(t *testing.T) storage.Storage {
		count++
		return s.open(t, fmt.Sprintf("suite-%d", count))
	})
}

// A bucket whose objects can be removed is refused. [ARC-47]
func TestS3WithoutObjectLockIsRefused(t *testing.T) {
	s := startServer(t)
	s.makeBucket(t, "unlocked", false)
	if _, err := bucket.OpenToWrite(t.Context(), s.options("unlocked")); !errors.Is(err, bucket.ErrUnlocked) {
		t.Errorf("a bucket without object lock: %v", err)
	}
	if _, err := bucket.OpenToWrite(t.Context(), s.options("not-there")); err == nil || errors.Is(err, bucket.ErrUnlocked) {
		t.Errorf("a bucket that is not there: %v", err)
	}
	wrong := s.options("unlocked")
	wrong.Credentials.SecretKey = "another"
	if _, err := bucket.OpenToWrite(t.Context(), wrong); err == nil || strings.Contains(err.Error(), "another") {
		t.Errorf("with another key: %v", err)
	}
}

// The server refuses, to its root user too, to remove what was stored, to shorten its time and to lift its lock. [ARC-47]
func TestS3RefusesToRemove(t *testing.T) {
	s := startServer(t)
	b := s.open(t, "locked")
	if err := b.Create(t.Context(), "a/1", []byte("words")); err != nil {
		t.Fatal(err)
	}
	const object = "archive/a/1"
	info, err := s.root.StatObject(t.Context(), "locked", object, minio.StatObjectOptions{})
	if err != nil {
		t.Fatal(err)
	}
	until, err := time.Parse(time.RFC3339, info.Headers.Get("X-Amz-Object-Lock-Retain-Until-Date"))
	if mode := info.Headers.Get("X-Amz-Object-Lock-Mode"); err != nil || mode != "COMPLIANCE" || time.Until(until) < 47*time.Hour {
		t.Fatalf("retained in mode %q until %v: %v", mode, until, err)
	}
	remove := func(bypass bool) error {
		return s.root.RemoveObject(t.Context(), "locked", object, minio.RemoveObjectOptions{VersionID: info.VersionID, GovernanceBypass: bypass})
	}
	mode, governance, soon, later := minio.Compliance, minio.Governance, time.Now().Add(time.Hour), time.Now().Add(96*time.Hour)
	retain := func(mode minio.RetentionMode, until time.Time) error {
		return s.root.PutObjectRetention(t.Context(), "locked", object, minio.PutObjectRetentionOptions{
			VersionID: info.VersionID, Mode: &mode, RetainUntilDate: &until, GovernanceBypass: true})
	}
	for what, err := range map[string]error{
		"removing it":                        remove(false),
		"removing it, with the bypass":       remove(true),
		"shortening its time":                retain(mode, soon),
		"making it removable by the bypass":  retain(governance, later),
		"removing the bucket":                s.root.RemoveBucket(t.Context(), "locked"),
		"removing the bucket with all of it": s.root.RemoveBucketWithOptions(t.Context(), "locked", minio.RemoveBucketOptions{ForceDelete: true}),
	} {
		if err == nil {
			t.Errorf("the server let %s pass", what)
		}
	}
	if got, err := b.Read(t.Context(), "a/1", 100); err != nil || string(got) != "words" {
		t.Errorf("%q, %v", got, err)
	}
}

// Who has the key can put other versions and marks of deletion over what is there. What was first is still read, and the
// attempt shows. [ARC-47]
func TestS3LooksPastLaterVersions(t *testing.T) {
	s := startServer(t)
	b := s.open(t, "touched")
	for _, name := range []string{"a/1", "a/2", "a/3"} {
		if err := b.Create(t.Context(), name, []byte("words")); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.root.PutObject(t.Context(), "touched", "archive/a/1", bytes.NewReader([]byte("other")), 5, minio.PutObjectOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := s.root.RemoveObject(t.Context(), "touched", "archive/a/2", minio.RemoveObjectOptions{}); err != nil {
		t.Fatal(err)
	}
	touched := make(map[string]string)
	if err := b.List(t.Context(), "a/", "", func(o storage.Object) error {
		touched[o.Name] = o.Touched
		if o.Size != 5 {
			t.Errorf("%s has %d bytes", o.Name, o.Size)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if len(touched) != 3 || touched["a/1"] == "" || touched["a/2"] == "" || touched["a/3"] != "" {
		t.Errorf("%q", touched)
	}
	for name := range touched {
		if got, err := b.Read(t.Context(), name, 100); err != nil || string(got) != "words" {
			t.Errorf("%s: %q, %v", name, got, err)
		}
		if err := b.Create(t.Context(), name, []byte("again")); !errors.Is(err, storage.ErrExists) {
			t.Errorf("%s is created again: %v", name, err)
		}
	}
}
