// Package mount has backups made on drives that are mounted for real: FAT and exFAT through FUSE, ext4 on a loop device, and tmpfs;
// torn away while they are written to, broken, full, and there again. It also has age's own program open what lies there.
//
// It holds tests only, behind the build tag mounts; they need root, /dev/fuse, loop devices, and Debian's dosfstools, fusefat,
// exfatprogs, exfat-fuse and e2fsprogs. A volume belongs to one test and is gone when the test ends. What a drive does when it loses
// what was not synced, or fails at one operation, no mount shows (the kernels at hand have no device mapper): node/backup/backuptest is
// a drive for that.
package mount
