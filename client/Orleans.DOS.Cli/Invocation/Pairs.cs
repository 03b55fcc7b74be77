using System.CommandLine;

namespace Orleans.DOS.Cli;

/// <summary>Options of the form <c>--set key=value</c>, which may be repeated.</summary>
internal static class Pairs
{
    /// <exception cref="DosException">InvalidArgument: one has no '=' or nothing before it, or a key comes twice.</exception>
    public static Dictionary<string, string> Of(Option<string[]> option, string[]? values)
    {
        var pairs = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var text in values ?? [])
        {
            if (text.Split('=', 2) is not [{ Length: > 0 } key, var value])
            {
                throw new DosException(DosErrorCode.InvalidArgument, $"{option.Name} must be key=value, not '{text}'");
            }
            if (!pairs.TryAdd(key, value))
            {
                throw new DosException(DosErrorCode.InvalidArgument, $"{option.Name} gives '{key}' twice");
            }
        }
        return pairs;
    }
}
