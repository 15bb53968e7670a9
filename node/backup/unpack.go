package backup

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"

	"filippo.io/age"
)

// unpacked is a pack that was read, as far as it can be.
type unpacked struct {
	reader   *Reader
	line     *packLine
	plain    []byte
	holes    []span // of plain, that could not be opened
	contents contents
	known    bool  // whether contents says what is in the pack
	err      error // what is wrong with the file; nil if it is intact
}

// span is from one byte to before another.
type span struct{ from, to int }

// chunk is how many bytes age seals together.
const chunk = 64 << 10

// index reads the list of a pack.
func (r *Reader) index(h hash) (index, contents, error) {
	size, there := r.shelf.indexes[h]
	if !there {
		return index{}, contents{}, fmt.Errorf("%w: it is missing", ErrDamaged)
	}
	data, err := r.shelf.checked(h, indexSuffix, size)
	if err != nil {
		return index{}, contents{}, err
	}
	list, err := r.keys.openList(data, markIndex)
	if err != nil {
		return index{}, contents{}, err
	}
	return parseIndex(list)
}

// named returns the entries of a pack by its list, nil if that cannot be read.
func (r *Reader) named(line *packLine) (entries []Entry) {
	x, c, err := r.index(line.index)
	if err != nil || x.Pack != line.pack || c.count() != line.items {
		return nil
	}
	for i := range c.count() {
		if !line.isDead(i) {
			entries = append(entries, c.entry(i))
		}
	}
	return entries
}

// readPack reads a pack. What is in it comes from itself if it is intact, else from its list if that is, else from itself as far as that
// can be opened. [BAK-13]
func (r *Reader) readPack(line *packLine) *unpacked {
	u := &unpacked{reader: r, line: line}
	size, there := r.shelf.packs[line.pack]
	var data []byte
	if u.err = fmt.Errorf("%w: it is missing", ErrDamaged); there {
		data, u.err = r.shelf.checked(line.pack, packSuffix, size)
	}
	if u.err == nil {
		u.err = u.openWhole(data)
	} else if len(data) > 0 {
		u.openParts(data)
	}
	if u.err == nil {
		return u
	}
	if x, c, err := r.index(line.index); err == nil && x.Pack == line.pack && c.count() == line.items {
		u.contents, u.known = c, true
	} else if c, err := u.own(); err == nil {
		u.contents, u.known = c, true
	}
	return u
}

// openWhole opens a pack whose file is intact.
func (u *unpacked) openWhole(data []byte) (err error) {
	if u.plain, err = u.reader.keys.open(data); err != nil {
		return err
	}
	u.contents, err = u.own()
	u.known = err == nil
	return err
}

// own reads the contents that the pack itself has.
func (u *unpacked) own() (contents, error) {
	if len(u.plain) < packHead || u.broken(0, packHead) || string(u.plain[:len(packMagic)]) != packMagic {
		return contents{}, fmt.Errorf("%w: it does not begin as a pack does", ErrDamaged)
	}
	size := int(binary.BigEndian.Uint32(u.plain[len(packMagic):]))
	if size > len(u.plain)-packHead || u.broken(packHead, packHead+size) {
		return contents{}, fmt.Errorf("%w: its contents cannot be read", ErrDamaged)
	}
	c, err := parseContents(u.plain[packHead:][:size])
	if err != nil {
		return c, err
	}
	end := packHead + size
	for i := range c.count() {
		end += c.entry(i).Size + markSize
	}
	switch {
	case c.Repository != u.reader.shelf.id:
		err = fmt.Errorf("%w: it is of the repository %s", ErrDamaged, c.Repository)
	case u.line.items > 0 && c.count() != u.line.items:
		err = fmt.Errorf("%w: it has %d items of %d", ErrDamaged, c.count(), u.line.items)
	case u.err == nil && end != len(u.plain):
		err = fmt.Errorf("%w: it has %d bytes of %d", ErrDamaged, len(u.plain), end)
	}
	return c, err
}

// openParts opens what can be opened of a damaged pack: each piece that age has sealed by itself; and if the last of these is damaged,
// without which age does not know where they end, those before the first that is.
func (u *unpacked) openParts(data []byte) {
	r, size, err := age.DecryptReaderAt(bytes.NewReader(data), int64(len(data)), u.reader.keys.identities...)
	if err != nil {
		in, err := age.Decrypt(bytes.NewReader(data), u.reader.keys.identities...)
		if err == nil {
			u.plain, _ = io.ReadAll(in) // as far as it goes
		}
		return
	}
	u.plain = make([]byte, size)
	for from := 0; from < len(u.plain); from += chunk {
		to := min(from+chunk, len(u.plain))
		if _, err := r.ReadAt(u.plain[from:to], int64(from)); err != nil && !errors.Is(err, io.EOF) {
			u.holes = append(u.holes, span{from, to})
		}
	}
}

// broken reports whether some of the bytes could not be opened.
func (u *unpacked) broken(from, to int) bool {
	if to > len(u.plain) {
		return true
	}
	return slices.ContainsFunc(u.holes, func(hole span) bool { return from < hole.to && hole.from < to })
}

// placed is an item of a pack and where its body begins.
type placed struct {
	Entry
	at int
}

// wanted returns the items that are of the snapshot and wanted, newest first, and how many are of the snapshot.
func (u *unpacked) wanted(reading *Reading) (items []placed, all int) {
	at := packHead
	if u.known {
		at += len(encodedContents(&u.contents))
	}
	for i := range u.contents.count() {
		e := u.contents.entry(i)
		if !u.line.isDead(i) {
			all++
			if (len(reading.Kinds) == 0 || slices.Contains(reading.Kinds, e.Kind)) && (reading.Want == nil || reading.Want(e)) {
				items = append(items, placed{e, at})
			}
		}
		at += e.Size + markSize
	}
	slices.SortStableFunc(items, func(a, b placed) int { return cmp.Compare(b.Time, a.Time) })
	return items, all
}

// give gives what is wanted and intact, and notes the rest.
func (u *unpacked) give(ctx context.Context, reading *Reading, report *Report, progress *Progress) error {
	report.Files++
	damage := Damage{File: u.line.pack.pathIn(u.reader.shelf.id, packSuffix), Err: u.err}
	items, all := u.wanted(reading)
	for _, item := range items {
		body, err := u.body(&item)
		if err != nil {
			damage.Err = cmp.Or(damage.Err, err)
			damage.Items, damage.Lost = damage.Items+1, append(damage.Lost, item.Entry)
			continue
		}
		report.Items, report.Bytes = report.Items+1, report.Bytes+int64(len(body))
		progress.Bytes += int64(len(body))
		if err := errors.Join(ctx.Err(), reading.Give(ctx, item.Entry, body)); err != nil {
			return err
		}
	}
	if !u.known {
		all = u.line.items - u.line.deadCount()
		damage.Items = all
		if u.line.items == 0 {
			damage.Items = -1
		}
	}
	progress.Items += all
	if reading.Progress != nil {
		reading.Progress(*progress)
	}
	if damage.Err != nil {
		report.Damage = append(report.Damage, damage)
	}
	return nil
}

// body returns an item's body in memory of its own, if it is what a device of the person wrote.
func (u *unpacked) body(item *placed) ([]byte, error) {
	end := item.at + item.Size
	if u.broken(item.at, end+markSize) {
		return nil, fmt.Errorf("%w: the item cannot be opened", ErrDamaged)
	}
	body := bytes.Clone(u.plain[item.at:end])
	if key := u.reader.keys.mark; key != nil {
		if mark := itemMark(key, item.Entry, body); !bytes.Equal(mark[:markSize], u.plain[end:end+markSize]) {
			return nil, fmt.Errorf("%w: no device of the person wrote the item", ErrDamaged)
		}
	}
	return body, nil
}
