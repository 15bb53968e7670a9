package main

import (
	_ "embed"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

func main() {
	var r release
	seconds := flag.Int64("epoch", 0, "time of all files, in seconds since 1970: SOURCE_DATE_EPOCH")
	flag.StringVar(&r.version, "version", "dev", "the version, as git describe has it")
	flag.StringVar(&r.built, "built", "dist", "the `folder` that make cross has built to; packages go there too")
	flag.StringVar(&r.source, "source", ".", "the top `folder` of the repository")
	flag.Parse()
	r.time = time.Unix(*seconds, 0).UTC()
	if err := r.make(); err != nil {
		fmt.Fprintln(os.Stderr, "packaging: error:", err)
		os.Exit(1)
	}
}

// release is what is packed.
type release struct {
	version, built, source string
	time                   time.Time
}

// entry is a file in an archive.
type entry struct {
	name string // with slashes
	data []byte
	mode int64
}

// documents go with every archive.
var documents = []string{"LICENSE", "README.md", "CHANGELOG.md", "docs/install.md", "docs/operating.md", "docs/archive.md"}

// What has a system run the rendezvous node, and the archive's service.
var (
	//go:embed files/muster-rendezvous.service
	systemUnit []byte
	//go:embed files/rendezvous.toml
	settings []byte
	//go:embed files/muster-archive.service
	archiveUnit []byte
	//go:embed files/archive.toml
	archiveSettings []byte
)

// debian are the platforms of which there is a package, by their folder and the name that Debian has for them.
var debian = map[string]string{"linux-amd64": "amd64", "linux-arm64": "arm64"}

// make packs every platform that is built.
func (r release) make() error {
	folders, err := os.ReadDir(r.built)
	if err != nil {
		return err
	}
	var made []string
	for _, folder := range folders {
		if !folder.IsDir() {
			continue
		}
		names, err := r.platform(folder.Name())
		if err != nil {
			return fmt.Errorf("packing %s: %w", folder.Name(), err)
		}
		made = append(made, names...)
	}
	if len(made) == 0 {
		return errors.New("nothing is built: make cross first")
	}
	return r.sums(made)
}

// platform packs one and returns the names of the files.
func (r release) platform(platform string) ([]string, error) {
	programs, err := r.programs(platform)
	if err != nil {
		return nil, err
	}
	base := "muster-" + fileVersion(r.version) + "-" + platform
	var files []entry
	for _, program := range programs {
		files = append(files, entry{base + "/" + program.name, program.data, 0o755})
	}
	for _, document := range documents {
		data, err := os.ReadFile(filepath.Join(r.source, filepath.FromSlash(document)))
		if err != nil {
			return nil, err
		}
		files = append(files, entry{base + "/" + filepath.Base(document), data, 0o644})
	}
	if strings.HasPrefix(platform, "linux-") {
		files = append(files,
			entry{base + "/muster-rendezvous.service", systemUnit, 0o644}, entry{base + "/rendezvous.toml", settings, 0o644},
			entry{base + "/muster-archive.service", archiveUnit, 0o644}, entry{base + "/archive.toml", archiveSettings, 0o644})
	}
	name, pack := base+".tar.gz", tarGz
	if strings.HasPrefix(platform, "windows-") {
		name, pack = base+".zip", zipped
	}
	data, err := pack(files, r.time)
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(r.built, name), data, 0o644); err != nil {
		return nil, err
	}
	made := []string{name}
	if architecture := debian[platform]; architecture != "" {
		name := "muster_" + debianVersion(r.version) + "_" + architecture + ".deb"
		data, err := r.deb(architecture, programs)
		if err != nil {
			return nil, err
		}
		if err := os.WriteFile(filepath.Join(r.built, name), data, 0o644); err != nil {
			return nil, err
		}
		made = append(made, name)
	}
	return made, nil
}

// programs reads both programs of a platform.
func (r release) programs(platform string) ([]entry, error) {
	var all []entry
	for _, name := range []string{"muster", "muster-rendezvous"} {
		if strings.HasPrefix(platform, "windows-") {
			name += ".exe"
		}
		data, err := os.ReadFile(filepath.Join(r.built, platform, name))
		if err != nil {
			return nil, err
		}
		all = append(all, entry{name, data, 0o755})
	}
	return all, nil
}
