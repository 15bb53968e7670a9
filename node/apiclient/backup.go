package apiclient

import (
	"context"
	"net/http"
	"net/url"

	"muster.example/node/api"
)

// Backups tells how backups stand.
func (c *Client) Backups(ctx context.Context, query api.BackupQuery) (api.BackupResult, error) {
	values := make(url.Values)
	if query.Snapshots {
		values.Set("snapshots", "true")
	}
	return object[api.BackupResult](ctx, c, http.MethodGet, "/v1/backup", values, nil)
}

// BackupVolumes lists the places that a drive could be marked at.
func (c *Client) BackupVolumes(ctx context.Context) ([]api.BackupVolume, error) {
	return object[[]api.BackupVolume](ctx, c, http.MethodGet, "/v1/backup/volumes", nil, nil)
}

// BackupKey tells which key backups are for, or makes it of the words.
func (c *Client) BackupKey(ctx context.Context, request api.BackupKeyRequest) (api.BackupKeyResult, error) {
	return object[api.BackupKeyResult](ctx, c, http.MethodPost, "/v1/backup/key", nil, request)
}

// MarkDrive has backups made to a drive from now on, or changes how.
func (c *Client) MarkDrive(ctx context.Context, request api.MarkDriveRequest) (api.BackupDrive, error) {
	return object[api.BackupDrive](ctx, c, http.MethodPost, "/v1/backup/drives", nil, request)
}

// ForgetDrive has no more backups made to a drive.
func (c *Client) ForgetDrive(ctx context.Context, request api.DriveRequest) (api.BackupDrive, error) {
	return object[api.BackupDrive](ctx, c, http.MethodPost, "/v1/backup/drives/off", nil, request)
}

// BackupNow begins backups at once.
func (c *Client) BackupNow(ctx context.Context, request api.DriveRequest) (api.BackupNowResult, error) {
	return object[api.BackupNowResult](ctx, c, http.MethodPost, "/v1/backup/now", nil, request)
}

// StopBackup ends the backup that is made now.
func (c *Client) StopBackup(ctx context.Context, request api.DriveRequest) (api.BackupResult, error) {
	return object[api.BackupResult](ctx, c, http.MethodPost, "/v1/backup/stop", nil, request)
}

// ChooseBackup changes what was chosen for all drives.
func (c *Client) ChooseBackup(ctx context.Context, request api.BackupChoiceRequest) (api.BackupResult, error) {
	return object[api.BackupResult](ctx, c, http.MethodPost, "/v1/backup/choice", nil, request)
}

// VerifyBackup reads all that lies on a drive.
func (c *Client) VerifyBackup(ctx context.Context, request api.DriveRequest) (api.BackupVerified, error) {
	return object[api.BackupVerified](ctx, c, http.MethodPost, "/v1/backup/verify", nil, request)
}
