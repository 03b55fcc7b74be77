namespace Orleans.DOS.Cli.Contexts;

/// <summary>How one cluster is reached. Stored: names are kept, new ones are added with a default.</summary>
internal sealed record ClusterContext
{
    /// <summary>HTTP doors of its nodes; empty for a cluster of this host, whose nodes tell theirs in <see cref="Data"/>.</summary>
    public IReadOnlyList<string> Urls { get; init; } = [];
    /// <summary>Directory of a cluster of this host, absolute.</summary>
    public string? Data { get; init; }
    /// <summary>File that holds the token, absolute: read at each use, so that a token may be exchanged.</summary>
    public string? TokenFile { get; init; }
    /// <summary>The token itself, when it was handed over on standard input.</summary>
    public string? Token { get; init; }
    /// <summary>Null: main.</summary>
    public string? Machine { get; init; }
}
