module gohttp

// As in the original's go.mod: it decides which compatibility settings Go takes.
go 1.25.0
