/** Where in a dataset the fault lies, in a form a program can show. */
export interface DatasetErrorDetails {
  file?: string
  /** Line in the file, counted from 1. */
  line?: number
  field?: string
  /** For an unknown dataset or split: the names that exist. */
  allowed?: string[]
}

export type DatasetErrorCode = 'dataset_unknown' | 'dataset_manifest' | 'dataset_file' | 'dataset_line' | 'split_unknown'

/** A dataset that cannot be used as it is: the message names the file, the line and the mend. */
export class DatasetError extends Error {
  readonly code: DatasetErrorCode
  readonly details: DatasetErrorDetails

  constructor(code: DatasetErrorCode, message: string, details: DatasetErrorDetails = {}) {
    super(message)
    this.name = 'DatasetError'
    this.code = code
    this.details = details
  }
}
