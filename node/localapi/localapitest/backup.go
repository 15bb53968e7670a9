package localapitest

import (
	"context"

	"muster.example/node/api"
)

// Backups implements localapi.Backend.
func (b *Backend) Backups(_ context.Context, q api.BackupQuery) (api.BackupResult, error) {
	return api.BackupResult{Key: api.BackupKeyResult{State: api.BackupKeyKept, Fingerprint: "abcd efgh ijkl mnop"}}, b.got(q)
}

// BackupVolumes implements localapi.Backend.
func (b *Backend) BackupVolumes(context.Context) ([]api.BackupVolume, error) {
	return []api.BackupVolume{{Path: "/media/stick", Name: "stick", Removable: true, Free: -1}}, b.got("volumes")
}

// BackupKey implements localapi.Backend.
func (b *Backend) BackupKey(_ context.Context, r api.BackupKeyRequest) (api.BackupKeyResult, error) {
	return api.BackupKeyResult{State: api.BackupKeyKept}, b.got(r)
}

// MarkDrive implements localapi.Backend.
func (b *Backend) MarkDrive(_ context.Context, r api.MarkDriveRequest) (api.BackupDrive, error) {
	return api.BackupDrive{ID: "id", Path: r.Path, State: api.BackupReady}, b.got(r)
}

// ForgetDrive implements localapi.Backend.
func (b *Backend) ForgetDrive(_ context.Context, r api.DriveRequest) (api.BackupDrive, error) {
	return api.BackupDrive{ID: r.Drive, State: api.BackupReady}, b.got(r)
}

// BackupNow implements localapi.Backend.
func (b *Backend) BackupNow(_ context.Context, r api.DriveRequest) (api.BackupNowResult, error) {
	return api.BackupNowResult{}, b.got(r)
}

// StopBackup implements localapi.Backend.
func (b *Backend) StopBackup(_ context.Context, r api.DriveRequest) (api.BackupResult, error) {
	return api.BackupResult{}, b.got(r)
}

// ChooseBackup implements localapi.Backend.
func (b *Backend) ChooseBackup(_ context.Context, r api.BackupChoiceRequest) (api.BackupResult, error) {
	return api.BackupResult{BackupChoice: api.BackupChoice{Every: r.Every}}, b.got(r)
}

// VerifyBackup implements localapi.Backend.
func (b *Backend) VerifyBackup(_ context.Context, r api.DriveRequest) (api.BackupVerified, error) {
	return api.BackupVerified{ID: r.Drive, Files: 3}, b.got(r)
}
