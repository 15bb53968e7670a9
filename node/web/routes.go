package web

import "slices"

// routes are all addresses of the app, area by area.
func routes() []route {
	return slices.Concat(
		homeRoutes(),
		inboxRoutes(),
		threadRoutes(),
		composerRoutes(),
		fileRoutes(),
		pictureRoutes(),
		leaveRoutes(),
		preferenceRoutes(),
		requestRoutes(),
		peopleRoutes(),
		groupRoutes(),
		presenceRoutes(),
		welcomeRoutes(),
		slipRoutes(),
		recoverRoutes(),
		deviceRoutes(),
		addDeviceRoutes(),
		orderRoutes(),
		renewalRoutes(),
		safetyRoutes(),
		settingRoutes(),
		skinRoutes(),
		searchRoutes(),
		adminRoutes(),
	)
}
