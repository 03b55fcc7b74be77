namespace Orleans.DOS.Machines;

/// <summary>A failure in HTTP: RFC 9457 (application/problem+json) with the member <c>code</c>.</summary>
public sealed record Problem
{
    public string Type { get; init; } = "about:blank";
    /// <summary>The code in words.</summary>
    public string Title { get; init; } = "";
    public int Status { get; init; }
    /// <summary>The sentence of <see cref="DosError.Message"/>.</summary>
    public string? Detail { get; init; }
    /// <summary>A name of <see cref="DosErrorCode"/>.</summary>
    public string Code { get; init; } = "";
    /// <summary>Seconds, where it is known when to try again.</summary>
    public double? RetryAfter { get; init; }

    public DosError ToError() => new(
        Enum.TryParse<DosErrorCode>(Code, out var code) && Enum.IsDefined(code) ? code : DosErrorCode.Internal,
        Detail ?? Title,
        RetryAfter is { } seconds and >= 0 and < 86400 ? TimeSpan.FromSeconds(seconds) : null);
}

/// <summary>One machine of the list of HTTP.</summary>
public sealed record MachineSummary(string Name, MachineId Id);

/// <summary>Where appended bytes begin.</summary>
public sealed record AppendAnswer(long Position);
