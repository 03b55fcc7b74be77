using System.Text;
using Orleans.DOS.Security;

namespace Orleans.DOS.Cli;

/// <summary>Standard input, read no further than is asked for: what stands behind a line belongs to the command.</summary>
internal static class StandardInput
{
    /// <summary>Reads the first line as a token. Byte by byte, since a reader with a buffer would take what follows with it.</summary>
    /// <exception cref="DosException">Unauthenticated: it is longer than any token.</exception>
    public static string ReadToken()
    {
        using var input = Console.OpenStandardInput();
        Span<byte> one = stackalloc byte[1];
        var line = new StringBuilder();
        while (input.Read(one) == 1 && one[0] != (byte)'\n')
        {
            if (line.Length > Credentials.TokenLengthMax)
            {
                throw new DosException(DosErrorCode.Unauthenticated, $"the first line of standard input is no token: it has more than {Credentials.TokenLengthMax} bytes");
            }
            line.Append((char)one[0]);
        }
        return line.ToString().Trim();
    }
}
