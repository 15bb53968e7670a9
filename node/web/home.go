package web

func homeRoutes() []route {
	return []route{{"GET /{$}", home}}
}

// home leads to the first organization's inbox, or to where one begins.
func home(v *visit) (answer, error) {
	if v.Slips() {
		return goOn("/welcome/words", "")
	}
	if len(v.Orgs) == 0 {
		return goOn("/welcome", "")
	}
	return goOn("/o/"+v.Orgs[0].Org+"/", "")
}
