using System.Globalization;

namespace Orleans.DOS.Cli;

/// <summary>Numbers as people read them.</summary>
internal static class Human
{
    private static readonly string[] Units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];

    public static string Bytes(long bytes)
    {
        double value = bytes;
        var unit = 0;
        for (; value >= 1024 && unit < Units.Length - 1; unit++)
        {
            value /= 1024;
        }
        return string.Create(CultureInfo.InvariantCulture, $"{(unit == 0 ? value : Math.Round(value, 1))} {Units[unit]}");
    }

    /// <summary>Reads 64MiB, 1GiB, 4096.</summary>
    /// <exception cref="DosException">InvalidArgument.</exception>
    public static long ParseBytes(string text)
    {
        for (var unit = Units.Length - 1; unit >= 0; unit--)
        {
            if (text.EndsWith(Units[unit], StringComparison.OrdinalIgnoreCase)
                && long.TryParse(text.AsSpan(0, text.Length - Units[unit].Length).Trim(), NumberStyles.None, CultureInfo.InvariantCulture, out var count)
                && count > 0 && count <= long.MaxValue >> (10 * unit))
            {
                return count << (10 * unit);
            }
        }
        return long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var bytes) && bytes > 0
            ? bytes
            : throw new DosException(DosErrorCode.InvalidArgument, $"'{text}' is no size such as 256MiB");
    }

    public static string Age(DateTimeOffset? since) => since is not { } start ? "-" : Span(TimeProvider.System.GetUtcNow() - start);

    public static string Span(TimeSpan span) => span switch
    {
        { TotalSeconds: < 1 } => "0s",
        { TotalMinutes: < 1 } => $"{(int)span.TotalSeconds}s",
        { TotalHours: < 1 } => $"{(int)span.TotalMinutes}m{span.Seconds:00}s",
        { TotalDays: < 1 } => $"{(int)span.TotalHours}h{span.Minutes:00}m",
        _ => $"{(int)span.TotalDays}d{span.Hours:00}h",
    };

    /// <summary>As <c>ls -l</c>: rwxr-xr-x.</summary>
    public static string Mode(int mode) => string.Create(9, mode, static (text, bits) =>
    {
        for (var i = 0; i < 9; i++)
        {
            text[i] = (bits >> (8 - i) & 1) == 1 ? "rwx"[i % 3] : '-';
        }
    });
}
