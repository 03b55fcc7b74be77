using System.Globalization;

namespace Orleans.DOS.Scenarios.Harness;

/// <summary>
/// A session as text:
/// <code>
/// # says what follows (to the end of the line; blank lines separate)
/// $ dos fs cat /none
/// dos: there is no '/none' [NoSuchPath]
/// ? 1
/// </code>
/// What follows a command is its output, standard output and error together; <c>? N</c> its exit code, 0 where it is left out. Blank
/// lines at the end of an output do not count. What depends on the machine is written as <see cref="Pattern"/> says.
/// </summary>
public static class Session
{
    public static IReadOnlyList<Step> Read(string path)
    {
        List<Step> steps = [];
        var (command, line, exitCode) = ("", 0, 0);
        List<string> expected = [];
        foreach (var (number, text) in File.ReadAllLines(path).Select(static (text, index) => (index + 1, text)))
        {
            if (text.StartsWith("$ ", StringComparison.Ordinal))
            {
                Finish();
                (command, line, exitCode, expected) = (text[2..], number, 0, []);
            }
            else if (text.StartsWith("? ", StringComparison.Ordinal))
            {
                exitCode = int.Parse(text[2..], CultureInfo.InvariantCulture);
            }
            else if (!text.StartsWith('#'))
            {
                expected.Add(text);
            }
        }
        Finish();
        return steps;

        void Finish()
        {
            if (command.Length > 0)
            {
                steps.Add(new Step(line, command, WithoutBlankEnd(expected), exitCode));
            }
        }
    }

    public static IReadOnlyList<string> WithoutBlankEnd(IReadOnlyList<string> lines)
    {
        var count = lines.Count;
        while (count > 0 && string.IsNullOrWhiteSpace(lines[count - 1]))
        {
            count--;
        }
        return [.. lines.Take(count)];
    }
}
