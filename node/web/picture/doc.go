// Package picture makes pictures of others safe to show: what was sent is read, scaled, and written anew, so that a browser
// gets no byte of the file itself.
//
// It owns which files are pictures, how much work one may ask for, and what is kept of it: the picture as it is to be seen,
// and nothing that was said about it. It must not know who sent it, nor where it is kept: bytes in, bytes out.
//
// Spec: PNG, JPEG, GIF (its first picture) and WebP (without animation), told by their content and never by a name. SVG, fonts
// and documents are no pictures. The orientation that a camera notes in a JPEG (EXIF) is respected, that in other kinds is not.
package picture
