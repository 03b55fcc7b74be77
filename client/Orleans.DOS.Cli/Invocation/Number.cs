using System.CommandLine;
using System.Globalization;

namespace Orleans.DOS.Cli;

/// <summary>Numbers on the command line.</summary>
internal static class Number
{
    /// <param name="what">What it is the number of and how to find one; told when it is none.</param>
    public static Argument<long> Argument(string name, string what) => new(name)
    {
        CustomParser = result =>
        {
            var text = result.Tokens[0].Value;
            if (!long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number))
            {
                result.AddError($"'{text}' is no {what}");
            }
            return number;
        },
    };
}
