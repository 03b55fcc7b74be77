namespace Orleans.DOS.Client.Http;

/// <summary>Where a machine is reached over HTTP, and as whom.</summary>
public sealed record HttpMachineOptions
{
    /// <summary>HTTP doors of nodes, e.g. <c>http://127.0.0.1:7010</c>; the next one is asked when one does not answer. Not used with <see cref="UnixSocketPath"/>.</summary>
    public IReadOnlyList<Uri> Urls { get; init; } = [];

    /// <summary>The node's own socket, for whoever runs on its host.</summary>
    public string? UnixSocketPath { get; init; }

    /// <summary>The bearer token.</summary>
    public required string Token { get; init; }

    public string Machine { get; init; } = "main";

    /// <summary>From the first attempt to the answer or the failure; under 6 s.</summary>
    public TimeSpan Budget { get; init; } = CallBudget.Total;

    /// <summary>Of one attempt at one node.</summary>
    public TimeSpan AttemptTimeout { get; init; } = CallBudget.Attempt;

    /// <summary>How long a wait (for the end of a process, or of a job) goes on without progress while calls fail.</summary>
    public TimeSpan Patience { get; init; } = CallBudget.Patience;
}
