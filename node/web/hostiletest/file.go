package hostiletest

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"strings"
)

// Names are names of files that mean harm.
var Names = []string{
	"invoice.pdf.exe", "photo\u202egnp.exe", "a" + strings.Repeat("b", 230) + ".txt", "CON", "nul.txt", "..\\..\\evil.bat", "../../../etc/passwd", ".bashrc", "-rf", "a\nb\rc.txt", "<img src=x onerror=" + run + ">.png",
	"\" onmouseover=" + run + " x=\".txt", "a\"; filename=\"b.exe", "a%2e%2e%2fb", "名前.txt", "שלום.exe", "file.txt   .exe", "x.exe.", "x.exe\u200b", "\u200b", "Z" + strings.Repeat("\u0301", 90) + ".txt", "C:\\x.txt", "x.txt:stream", "desktop.ini", "~$x.docm", strings.Repeat("W", 240),
}

func drawn(width, height int) image.Image {
	m := image.NewRGBA(image.Rect(0, 0, width, height))
	for i := range m.Pix {
		m.Pix[i] = byte(i*7 | 0x80)
	}
	return m
}

// PNG returns a sound picture.
func PNG(width, height int) []byte {
	var b bytes.Buffer
	png.Encode(&b, drawn(width, height)) //nolint:errcheck // a buffer takes all
	return b.Bytes()
}

// JPEG is as PNG.
func JPEG(width, height int) []byte {
	var b bytes.Buffer
	jpeg.Encode(&b, drawn(width, height), nil) //nolint:errcheck // a buffer takes all
	return b.Bytes()
}

// GIF is as PNG.
func GIF(width, height int) []byte {
	var b bytes.Buffer
	m := image.NewPaletted(image.Rect(0, 0, width, height), color.Palette{color.White, color.Black})
	gif.Encode(&b, m, nil) //nolint:errcheck // a buffer takes all
	return b.Bytes()
}

// Resized returns a PNG whose head says other measures than its content has: a bomb, if they are large.
func Resized(content []byte, width, height uint32) []byte {
	b := bytes.Clone(content)
	binary.BigEndian.PutUint32(b[16:], width)
	binary.BigEndian.PutUint32(b[20:], height)
	binary.BigEndian.PutUint32(b[29:], crc32.ChecksumIEEE(b[12:29]))
	return b
}

// Files returns files that are sent as pictures and the like.
func Files() []File {
	sound, photo, moving := PNG(64, 48), JPEG(900, 700), GIF(20, 20)
	page := []byte("<html><script>" + run + "</script><img src=https://elsewhere.example/></html>")
	drawing := []byte("<svg xmlns='http://www.w3.org/2000/svg' onload='" + run + "'><image href='https://elsewhere.example/'/></svg>")
	return []File{
		{Name: "sound.png", Content: sound, Picture: true}, {Name: "photo.jpg", Content: photo, Picture: true}, {Name: "moving.gif", Content: moving, Picture: true},
		{Name: "tall.png", Content: PNG(2, 3000), Picture: true}, {Name: "wide.png", Content: PNG(3000, 2), Picture: true},
		{Name: "page behind.png", Content: append(bytes.Clone(sound), page...), Picture: true}, {Name: "zip behind.gif", Content: append(bytes.Clone(moving), "PK\x03\x04"...), Picture: true},
		{Name: "named otherwise.png", Content: photo, Picture: true},
		{Name: "bomb.png", Content: Resized(sound, 60_000, 60_000)}, {Name: "bomb of lines.png", Content: Resized(sound, 1, 2_000_000_000)}, {Name: "nothing.png", Content: Resized(sound, 0, 0)},
		{Name: "half.png", Content: sound[:len(sound)/2], Picture: true, Broken: true}, {Name: "half.jpg", Content: photo[:len(photo)/2], Picture: true, Broken: true}, {Name: "large inside.png", Content: Resized(sound, 5000, 5000), Picture: true, Broken: true},
		{Name: "drawing.svg", Content: drawing}, {Name: "drawing.png", Content: drawing}, {Name: "page.html", Content: page}, {Name: "page.jpg", Content: page}, {Name: "empty.png"}, {Name: "magic.webp", Content: []byte("RIFF\x00\x00\x00\x00WEBPVP8 ")},
		{Name: "head.png", Content: sound[:20]}, {Name: "paper.pdf", Content: []byte("%PDF-1.7 /OpenAction")}, {Name: "paper.png", Content: []byte("%PDF-1.7 /OpenAction")}, {Name: "font.woff2", Content: []byte("wOF2")}, {Name: "bomb.zip", Content: []byte("PK\x03\x04" + strings.Repeat("\x00", 500))},
		{Name: "icon.ico", Content: []byte("\x00\x00\x01\x00")}, {Name: "old.bmp", Content: []byte("BM")}, {Name: "GIF89a.gif", Content: []byte("GIF89a/*<script>" + run + "</script>*/=1;")},
	}
}

// withFiles returns messages that bear the files, one each, and files with the names.
func withFiles() []Case {
	var all []Case
	for _, f := range Files() {
		all = append(all, Case{Name: "file " + f.Name, Text: "See what is attached.", Files: []File{f}})
	}
	for _, name := range Names {
		all = append(all, Case{Name: "name " + name, Text: "See the name.", Files: []File{{Name: name, Content: []byte("x")}}})
	}
	return all
}
