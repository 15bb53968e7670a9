package web

import "slices"

// routes are all addresses of the app, area by area.
func routes() []route {
	return slices.Concat(
		homeRoutes(),
		inboxRoutes(),
		threadRoutes(),
		composerRoutes(),
		lockRoutes(),
		keyRoutes(),
		fileRoutes(),
		pictureRoutes(),
		leaveRoutes(),
		preferenceRoutes(),
		requestRoutes(),
		peopleRoutes(),
		groupRoutes(),
		presenceRoutes(),
		aroundRoutes(),
		welcomeRoutes(),
		slipRoutes(),
		recoverRoutes(),
		deviceRoutes(),
		addDeviceRoutes(),
		pairDeviceRoutes(),
		restoreRoutes(),
		nearbyRoutes(), ssoRoutes(),
		orderRoutes(),
		renewalRoutes(),
		safetyRoutes(),
		settingRoutes(),
		historyRoutes(),
		backupRoutes(),
		bundleRoutes(),
		folderLockRoutes(),
		skinRoutes(),
		searchRoutes(),
		adminRoutes(),
	)
}
