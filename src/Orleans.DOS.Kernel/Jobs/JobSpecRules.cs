using System.Diagnostics.CodeAnalysis;

namespace Orleans.DOS.Jobs;

/// <summary>What a job's specification may say.</summary>
public static class JobSpecRules
{
    private const long RangeBytesMin = 64 * 1024;
    private const long RangeBytesMax = 64L * 1024 * 1024 * 1024;
    private const int InputsMax = 1000;
    private const int PartitionsMax = 1000;
    private const int ParameterCharsMax = 64 * 1024;

    /// <exception cref="DosException">InvalidArgument or LimitExceeded, naming the member.</exception>
    public static void Check(JobSpec spec)
    {
        // A caller of HTTP or of another language can leave out or set to null what the types here promise.
        Require(spec is { Inputs: not null, Parameters: not null }, "a job needs inputs, and parameters that are not null");
        Require(spec.Inputs.All(static input => input is not null), "inputs are paths, not null");
        Require(spec.Parameters.Values.All(static value => value is not null), "parameters are strings, not null");
        Require(!string.IsNullOrEmpty(spec.Program) && spec.Program.Length <= Limits.NameBytesMax, "a job needs the name of a program");
        Require(Enum.IsDefined(spec.Split), "split is ByRange, ByFile or ByProgram");
        Require(spec.Inputs.Count > 0 || spec.Split == JobSplit.ByProgram, "a job needs an input");
        Require(spec.Inputs.Count == 0 || spec.Split != JobSplit.ByProgram, "a job that its program splits reads no input");
        Require(spec.RangeBytes is >= RangeBytesMin and <= RangeBytesMax, $"rangeBytes is {spec.RangeBytes}; {RangeBytesMin} to {RangeBytesMax} are allowed");
        Require(spec.Partitions is >= 0 and <= PartitionsMax, $"partitions is {spec.Partitions}; 0 to {PartitionsMax} are allowed");
        Require(spec.AttemptsMax is >= 1 and <= 100, $"attemptsMax is {spec.AttemptsMax}; 1 to 100 are allowed");
        Bound(spec.Inputs.Count, InputsMax, "inputs (give directories instead)");
        Bound(spec.Parameters.Sum(parameter => parameter.Key.Length + parameter.Value.Length), ParameterCharsMax, "characters of parameters");
    }

    private static void Require([DoesNotReturnIf(false)] bool isGood, string sentence)
    {
        if (!isGood)
        {
            throw new DosException(DosErrorCode.InvalidArgument, sentence);
        }
    }

    private static void Bound(int count, int max, string what)
    {
        if (count > max)
        {
            throw new DosException(DosErrorCode.LimitExceeded, $"the job has {count} {what}; {max} are allowed");
        }
    }
}
