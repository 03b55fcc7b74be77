using Orleans.DOS.Jobs;
using Orleans.DOS.Processes;

namespace Orleans.DOS.Http;

/// <summary>
/// Completes what a client left out: source-generated JSON gives members that are missing their type's default instead of the record's.
/// </summary>
internal static class Specs
{
    public static ProcessSpec Complete(ProcessSpec spec)
    {
        if (string.IsNullOrEmpty(spec.Program))
        {
            throw DosCall.Invalid("'program' is missing");
        }
        if (spec.Arguments?.Any(static argument => argument is null) == true || spec.Environment?.Values.Any(static value => value is null) == true)
        {
            throw DosCall.Invalid("arguments and environment hold strings, not null");
        }
        if (!Enum.IsDefined(spec.Restart))
        {
            throw DosCall.Invalid("'restart' is Never, OnFailure or Always");
        }
        return spec with
        {
            Arguments = spec.Arguments ?? [],
            Environment = spec.Environment ?? new Dictionary<string, string>(),
            WorkingDirectory = spec.WorkingDirectory ?? "/",
            Labels = spec.Labels ?? new Dictionary<string, string>(),
        };
    }

    public static JobSpec Complete(JobSpec spec)
    {
        if (string.IsNullOrEmpty(spec.Program) || spec.Inputs is null || spec.Inputs.Any(static input => input is null))
        {
            throw DosCall.Invalid("'program' and 'inputs' are needed");
        }
        var defaults = new JobSpec { Program = spec.Program, Inputs = spec.Inputs };
        return spec with
        {
            Parameters = spec.Parameters ?? new Dictionary<string, string>(),
            Split = spec.Split == 0 ? defaults.Split : Enum.IsDefined(spec.Split) ? spec.Split : throw DosCall.Invalid("'split' is ByRange, ByFile or ByProgram"),
            RangeBytes = spec.RangeBytes == 0 ? defaults.RangeBytes : spec.RangeBytes,
            AttemptsMax = spec.AttemptsMax == 0 ? defaults.AttemptsMax : spec.AttemptsMax,
        };
    }
}
