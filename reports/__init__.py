"""Writers of reports, one a format. Each reads only a sockconform.results.Results."""
