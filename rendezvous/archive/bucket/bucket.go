// Package bucket is a storage of the archive in a bucket of an S3 server with object lock: each object is put under a name
// that is free, and is retained in compliance mode, in which nobody, not even the owner of the account, can remove it or
// shorten its time.
//
// Under a name a bucket with object lock keeps every version. What was put first is what counts here: later versions and
// marks of deletion are shown, and looked past.
//
// It must not know what objects hold. It is the one door to the S3 client.
package bucket

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"muster.example/rendezvous/archive/storage"
)

// The errors that callers tell apart.
var (
	ErrUnlocked = errors.New("bucket: it has no object lock")
	ErrOptions  = errors.New("bucket: a setting of the bucket is missing or wrong")
)

// MinRetain is the shortest time for which objects are kept: less than a day is a mistake.
const MinRetain = 24 * time.Hour

// callTime bounds one request with its answer: an object of 32 MiB over a slow line.
const callTime = 5 * time.Minute

// Bucket is a storage in a bucket.
type Bucket struct {
	client  *minio.Client
	options Options
}

var _ storage.Storage = (*Bucket)(nil)

// Open returns a bucket to read. It asks the server nothing.
func Open(options Options) (*Bucket, error) {
	host, secure, err := options.endpoint()
	if err != nil {
		return nil, err
	}
	transport, err := options.transport(secure)
	if err != nil {
		return nil, err
	}
	client, err := minio.New(host, &minio.Options{
		Creds:  credentials.NewStaticV4(options.Credentials.AccessKey, options.Credentials.SecretKey, options.Credentials.SessionToken),
		Secure: secure, Region: options.region(), Transport: transport, MaxRetries: 3,
	})
	if err != nil {
		return nil, fmt.Errorf("%w: %v", ErrOptions, err)
	}
	if options.Now == nil {
		options.Now = time.Now
	}
	return &Bucket{client: client, options: options}, nil
}

// OpenToWrite returns a bucket to write in, after it was seen to have object lock. [ARC-47]
func OpenToWrite(ctx context.Context, options Options) (*Bucket, error) {
	if options.Retain < MinRetain {
		return nil, fmt.Errorf("%w: objects are retained for %v, at least %v", ErrOptions, options.Retain, MinRetain)
	}
	b, err := Open(options)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	lock, _, _, _, err := b.client.GetObjectLockConfig(ctx, options.Bucket)
	switch code := minio.ToErrorResponse(err).Code; {
	case code == "ObjectLockConfigurationNotFoundError", err == nil && lock != "Enabled":
		return nil, fmt.Errorf("%w: %s", ErrUnlocked, options.Bucket)
	case err != nil:
		return nil, fmt.Errorf("asking whether the bucket %s has object lock: %w", options.Bucket, err)
	}
	return b, nil
}

// String names the bucket.
func (b *Bucket) String() string { return "s3://" + b.options.Bucket + "/" + b.options.Prefix }

// Close gives connections back.
func (b *Bucket) Close() error { return nil }

// Create implements storage.Storage. [ARC-47]
func (b *Bucket) Create(ctx context.Context, name string, data []byte) error {
	if err := storage.CheckName(name); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	put := minio.PutObjectOptions{
		ContentType: "application/octet-stream", DisableMultipart: true, SendContentMd5: true,
		Mode: minio.Compliance, RetainUntilDate: b.options.Now().Add(b.options.Retain).UTC().Truncate(time.Second),
	}
	put.SetMatchETagExcept("*") // If-None-Match: only if there is nothing
	info, err := b.client.PutObject(ctx, b.options.Bucket, b.options.Prefix+name, bytes.NewReader(data), int64(len(data)), put)
	if minio.ToErrorResponse(err).StatusCode == http.StatusPreconditionFailed {
		return fmt.Errorf("%w: %s", storage.ErrExists, name)
	}
	if err != nil {
		return fmt.Errorf("putting %s: %w", name, err)
	}
	// Behind a mark of deletion a name counts as free, though what was put first is still there.
	versions, err := b.versions(ctx, name)
	if err != nil {
		return err
	}
	if versions.first != info.VersionID {
		return fmt.Errorf("%w: %s, under a mark of deletion", storage.ErrExists, name)
	}
	return nil
}

// Read implements storage.Storage.
func (b *Bucket) Read(ctx context.Context, name string, max int64) ([]byte, error) {
	if err := storage.CheckName(name); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	versions, err := b.versions(ctx, name)
	if err != nil {
		return nil, err
	}
	if versions.first == "" {
		return nil, fmt.Errorf("%w: %s", storage.ErrNotFound, name)
	}
	object, err := b.client.GetObject(ctx, b.options.Bucket, b.options.Prefix+name, minio.GetObjectOptions{VersionID: versions.first})
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", name, err)
	}
	defer object.Close()
	data, err := io.ReadAll(io.LimitReader(object, max+1))
	if err == nil && int64(len(data)) > max {
		err = fmt.Errorf("more than %d bytes", max)
	}
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", name, err)
	}
	return data, nil
}

// List implements storage.Storage. Touched tells of later versions and of marks of deletion.
func (b *Bucket) List(ctx context.Context, prefix, after string, visit func(storage.Object) error) error {
	if after != "" {
		after = b.options.Prefix + after
	}
	l := listing{after: after, prefix: b.options.Prefix, visit: visit}
	if err := b.walk(ctx, b.options.Prefix+prefix, after, l.add); err != nil {
		return err
	}
	return l.end()
}

// walk visits all versions and marks of deletion of the names that begin with a prefix and come behind another.
func (b *Bucket) walk(parent context.Context, prefix, after string, visit func(minio.ObjectInfo) error) error {
	ctx, cancel := context.WithCancel(parent)
	defer cancel()
	for info := range b.client.ListObjectsIter(ctx, b.options.Bucket, minio.ListObjectsOptions{
		WithVersions: true, Recursive: true, Prefix: prefix, StartAfter: after,
	}) {
		err := info.Err
		if err != nil {
			err = errors.Join(parent.Err(), fmt.Errorf("listing %s: %w", b, err))
		} else {
			err = visit(info)
		}
		if err != nil {
			return err
		}
	}
	return parent.Err()
}

// versions returns what there is under a name.
func (b *Bucket) versions(ctx context.Context, name string) (versions, error) {
	held := versions{name: b.options.Prefix + name}
	err := b.walk(ctx, held.name, "", func(info minio.ObjectInfo) error {
		if info.Key == held.name && !info.IsDeleteMarker {
			held.add(info)
		}
		return nil
	})
	return held, err
}
