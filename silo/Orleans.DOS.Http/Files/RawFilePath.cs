using System.Text;

namespace Orleans.DOS.Http;

/// <summary>
/// The file path as the client wrote it, decoded once, name by name. Servers resolve <c>..</c> and <c>%2e%2e</c> before routing and leave
/// <c>%2F</c> alone; both would show another file than the one that was named, since in the machine <c>..</c> follows links.
/// </summary>
internal sealed record RawFilePath(string Encoded)
{
    private const string MachinesPrefix = "/v1/machines/";
    private const string FilesNoun = "files";
    private static readonly UTF8Encoding Strict = new(false, throwOnInvalidBytes: true);

    /// <summary>Splits <c>/v1/machines/{machine}/files/...</c>.</summary>
    /// <param name="target">Of the request line.</param>
    /// <param name="route">What is left for routing: <c>/v1/machines/{machine}/files</c>.</param>
    public static bool TrySplit(string target, out string route, out RawFilePath path)
    {
        (route, path) = ("", new RawFilePath(""));
        var text = PathOf(target);
        if (!text.StartsWith(MachinesPrefix, StringComparison.Ordinal))
        {
            return false;
        }
        var machineEnd = text.IndexOf('/', MachinesPrefix.Length);
        if (machineEnd < 0)
        {
            return false;
        }
        var noun = text[(machineEnd + 1)..];
        var nounEnd = noun.IndexOf('/', StringComparison.Ordinal);
        if ((nounEnd < 0 ? noun : noun[..nounEnd]) != FilesNoun)
        {
            return false;
        }
        route = MachinesPrefix + Uri.UnescapeDataString(text[MachinesPrefix.Length..machineEnd]).Replace("/", "%2F", StringComparison.Ordinal) + "/" + FilesNoun;
        path = new RawFilePath(nounEnd < 0 ? "" : noun[nounEnd..]);
        return true;
    }

    /// <exception cref="DosException">InvalidPath: no UTF-8, a broken escape, or a name with an escaped '/'.</exception>
    public string Decode() => Encoded.Length == 0 ? "/" : string.Join('/', Encoded.Split('/').Select(DecodeName));

    private static string DecodeName(string name)
    {
        var bytes = new byte[Encoding.UTF8.GetByteCount(name)];
        var count = 0;
        for (var i = 0; i < name.Length; i++)
        {
            if (name[i] != '%')
            {
                count += Encoding.UTF8.GetBytes(name.AsSpan(i, 1), bytes.AsSpan(count));
                continue;
            }
            if (i + 2 >= name.Length || !char.IsAsciiHexDigit(name[i + 1]) || !char.IsAsciiHexDigit(name[i + 2]))
            {
                throw new DosException(DosErrorCode.InvalidPath, "the path has a '%' without two hexadecimal digits");
            }
            bytes[count++] = Convert.ToByte(name.Substring(i + 1, 2), 16);
            i += 2;
        }
        try
        {
            var decoded = Strict.GetString(bytes, 0, count);
            return decoded.Contains('/', StringComparison.Ordinal)
                ? throw new DosException(DosErrorCode.InvalidPath, "a name cannot contain '/'")
                : decoded;
        }
        catch (DecoderFallbackException exception)
        {
            throw new DosException(DosErrorCode.InvalidPath, "the path is not UTF-8", exception);
        }
    }

    private static string PathOf(string target)
    {
        // The absolute form, "GET http://host/path HTTP/1.1", is what proxies send.
        if (!target.StartsWith('/') && target.IndexOf("://", StringComparison.Ordinal) is var scheme and > 0)
        {
            var slash = target.IndexOf('/', scheme + 3);
            target = slash < 0 ? "/" : target[slash..];
        }
        var query = target.IndexOf('?', StringComparison.Ordinal);
        return query < 0 ? target : target[..query];
    }
}
