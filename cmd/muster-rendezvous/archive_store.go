package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/pelletier/go-toml/v2"
	"github.com/spf13/pflag"

	"muster.example/rendezvous/archive"
	"muster.example/rendezvous/archive/bucket"
	local "muster.example/rendezvous/archive/folder"
	"muster.example/rendezvous/archive/segment"
	"muster.example/rendezvous/archive/storage"
)

// storeOptions are the flags that say where an archive's store is.
type storeOptions struct {
	store, endpoint, region, credentials, ca string
}

func (o *storeOptions) addTo(flags *pflag.FlagSet) {
	flags.StringVar(&o.store, "store", "", "where the store is: a `folder`, or s3://BUCKET[/PREFIX]")
	flags.StringVar(&o.endpoint, "s3-endpoint", "", "the S3 server: `https://host[:port]`")
	flags.StringVar(&o.region, "s3-region", "us-east-1", "the bucket's `region`")
	flags.StringVar(&o.credentials, "s3-credentials", "", "a `file` with access-key and secret-key (default: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY)")
	flags.StringVar(&o.ca, "s3-ca", "", "a `file` of certificates in PEM that vouch for the S3 server (default: the system's)")
}

// place is a store that is open.
type place interface {
	storage.Storage
	io.Closer
}

// open opens the store, to read.
func (o *storeOptions) open() (place, error) {
	return o.choose(local.Open, func(options bucket.Options) (*bucket.Bucket, error) { return bucket.Open(options) })
}

// openToWrite opens the store, to write.
func (o *storeOptions) openToWrite(ctx context.Context, retain time.Duration) (place, error) {
	return o.choose(local.OpenToWrite, func(options bucket.Options) (*bucket.Bucket, error) {
		options.Retain = retain
		return bucket.OpenToWrite(ctx, options)
	})
}

func (o *storeOptions) choose(openFolder func(string) (*local.Folder, error), openBucket func(bucket.Options) (*bucket.Bucket, error)) (place, error) {
	if o.store == "" {
		return nil, usageError{errors.New("--store says where the store is")}
	}
	if !o.isBucket() {
		return openFolder(o.store)
	}
	options, err := o.bucket()
	if err != nil {
		return nil, err
	}
	b, err := openBucket(options)
	if errors.Is(err, bucket.ErrOptions) {
		return nil, usageError{err}
	}
	return b, err
}

func (o *storeOptions) isBucket() bool { return strings.HasPrefix(o.store, "s3:") }

func (o *storeOptions) bucket() (options bucket.Options, err error) {
	options = bucket.Options{Endpoint: o.endpoint, Region: o.region}
	if options.Bucket, options.Prefix, err = bucket.ParseStore(o.store); err != nil {
		return options, usageError{err}
	}
	if o.endpoint == "" {
		return options, usageError{errors.New("--s3-endpoint says which S3 server has the bucket")}
	}
	if o.ca != "" {
		if options.CA, err = readSmall(o.ca, 1<<20); err != nil {
			return options, fmt.Errorf("reading certificates: %w", err)
		}
	}
	options.Credentials, err = o.credential()
	return options, err
}

// credential returns the key of the S3 server: of a file, or of the environment as other programs have it.
func (o *storeOptions) credential() (bucket.Credentials, error) {
	if o.credentials == "" {
		return bucket.Credentials{AccessKey: os.Getenv("AWS_ACCESS_KEY_ID"), SecretKey: os.Getenv("AWS_SECRET_ACCESS_KEY"), SessionToken: os.Getenv("AWS_SESSION_TOKEN")}, nil
	}
	data, err := readSmall(o.credentials, maxConfig)
	if err != nil {
		return bucket.Credentials{}, fmt.Errorf("reading the credentials: %w", err)
	}
	if info, err := os.Stat(o.credentials); err == nil && info.Mode().Perm()&0o077 != 0 {
		return bucket.Credentials{}, usageError{fmt.Errorf("others on this machine may read %s: chmod 600", o.credentials)}
	}
	var held struct {
		Access  string `toml:"access-key"`
		Secret  string `toml:"secret-key"`
		Session string `toml:"session-token"`
	}
	if err := toml.NewDecoder(strings.NewReader(string(data))).DisallowUnknownFields().Decode(&held); err != nil || held.Access == "" || held.Secret == "" {
		return bucket.Credentials{}, usageError{fmt.Errorf("%s does not hold access-key = \"…\" and secret-key = \"…\"", o.credentials)}
	}
	return bucket.Credentials{AccessKey: held.Access, SecretKey: held.Secret, SessionToken: held.Session}, nil
}

// headOptions are the flags that say what a store is held against.
type headOptions struct {
	head, since []string
	file        string
}

func (o *headOptions) addTo(flags *pflag.FlagSet) {
	flags.StringArrayVar(&o.head, "head", nil, "a `head` that was kept: the store must have it; may be given again")
	flags.StringVar(&o.file, "heads", "", "a `file` of heads that were kept, as archive run --heads writes it")
	flags.StringArrayVar(&o.since, "since", nil, "the `head` up to which the store was let go; may be given again, for another service")
}

// read returns the heads, and those up to which chains were let go.
func (o *headOptions) read(warn func(line int)) (heads, since []segment.SignedHead, err error) {
	if o.file != "" {
		file, err := os.Open(o.file)
		if err != nil {
			return nil, nil, fmt.Errorf("reading the file of heads: %w", err)
		}
		defer file.Close()
		all, unreadable, err := archive.ReadHeads(file)
		if err != nil {
			return nil, nil, err
		}
		if len(all)+len(o.head) == 0 && len(unreadable) > 0 {
			return nil, nil, usageError{fmt.Errorf("%s holds no head", o.file)}
		}
		for _, line := range unreadable {
			warn(line)
		}
		heads = all
	}
	for _, text := range o.head {
		head, err := segment.ParseHead(text)
		if err != nil {
			return nil, nil, usageError{fmt.Errorf("--head: %w", err)}
		}
		heads = append(heads, head)
	}
	for _, text := range o.since {
		head, err := segment.ParseHead(text)
		if err != nil {
			return nil, nil, usageError{fmt.Errorf("--since: %w", err)}
		}
		since = append(since, head)
	}
	return heads, since, nil
}
