using System.Globalization;
using System.Text;

namespace Orleans.DOS.Client.Http;

/// <summary>Makes targets: paths escaped name by name, queries with what is set.</summary>
internal sealed class HttpQuery(string path)
{
    private readonly StringBuilder _text = new(path);
    private char _separator = '?';

    /// <summary>Escapes each name of a path and nothing between them: <c>..</c> and empty names are the machine's to understand.</summary>
    public static string FilePath(string path)
    {
        Arguments.Path(path);
        if (path[0] != '/')
        {
            throw new DosException(DosErrorCode.InvalidPath, $"a path begins with '/', '{path}' does not");
        }
        return string.Join('/', path.Split('/').Select(Uri.EscapeDataString));
    }

    public HttpQuery Flag(string name, bool set = true)
    {
        if (set)
        {
            _text.Append(_separator).Append(name);
            _separator = '&';
        }
        return this;
    }

    public HttpQuery Add(string name, string? value)
    {
        if (value is not null)
        {
            Flag(name);
            _text.Append('=').Append(Uri.EscapeDataString(value));
        }
        return this;
    }

    public HttpQuery Add(string name, long value) => Add(name, value.ToString(CultureInfo.InvariantCulture));

    /// <summary>In octal, as modes are written.</summary>
    public HttpQuery Mode(int mode) => Add("mode", Convert.ToString(mode, 8));

    public override string ToString() => _text.ToString();
}
