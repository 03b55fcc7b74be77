namespace Orleans.DOS.Scenarios.Harness;

/// <summary>One command of a session and what it must answer.</summary>
/// <param name="Line">Of the command in its file, from 1.</param>
/// <param name="Expected">Lines of standard output and error together, with wildcards.</param>
public sealed record Step(int Line, string Command, IReadOnlyList<string> Expected, int ExitCode);
